#include "async/trace.h"

#include "async/executor.h"

namespace async {

void trace_now(TraceEvent event, const Job& job) noexcept {
  trace_hook(event, job);
}

void Job::complete_traced(WaitResult result) noexcept {
  trace_now(TraceEvent::wake, *this);
  end_wait(result);
}

}  // namespace async
