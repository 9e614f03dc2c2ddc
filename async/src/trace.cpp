#include "async/trace.h"

namespace async {

void trace_now(TraceEvent event, const Job& job) noexcept {
  trace_hook(event, job);
}

}  // namespace async
