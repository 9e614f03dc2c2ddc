#include "trace/points.h"

#include <async/async.h>
#include <trap/router.h>

#include <algorithm>
#include <cstring>

extern "C" constinit const char cotrap_trace_anchor = 0;

namespace kernel::trace {
namespace {

template <class T>
std::uint64_t bits(const T* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

/// Records the await chain of the job, from its leaf to its root, at most `longest` frames.
void note_await_chain(const async::Job& job) {
  constexpr int longest = 8;
  auto at = job.leaf();
  for (int i = 0; i < longest; ++i) {
    note(Kind::await, bits(at.address()), *static_cast<const std::uint64_t*>(at.address()));
    const async::PromiseBase& promise = async::PromiseBase::of(at);
    if (promise.is_root()) return;
    at = promise.parent();
  }
}

void note_job(async::TraceEvent event, const async::Job& job) {
  if (!is_on()) return;
  switch (event) {
    case async::TraceEvent::spawn: return note_name(Kind::spawn, bits(&job), bits(job.name()));
    case async::TraceEvent::wake: return note(Kind::wake, bits(&job), bits(async::platform::job()));
    case async::TraceEvent::run: return note(Kind::run, bits(&job), 0, job.priority);
    case async::TraceEvent::wait:
      note(Kind::wait, bits(&job), bits(job.reason()));
      return note_await_chain(job);
    case async::TraceEvent::yield: return note(Kind::yield, bits(&job), 0);
    case async::TraceEvent::preempt: return note(Kind::preempt, bits(&job), 0);
    case async::TraceEvent::migrate: return note(Kind::migrate, bits(&job), 0, job.hart);
    case async::TraceEvent::done: return note(Kind::done, bits(&job), 0);
  }
}

void note_route(std::size_t row) {
  if (is_on()) note(Kind::route, bits(async::platform::job()), 0, static_cast<std::uint16_t>(row));
}

}  // namespace

void set_points() {
  async::set_trace_hook(note_job);
  trap::route_hook = note_route;
}

void note_thread(int process, int id, std::string_view name) {
  note_name(Kind::thread, bits(async::platform::job()),
            static_cast<std::uint64_t>(process) << 32 | static_cast<std::uint32_t>(id));
  std::uint64_t words[2]{};
  std::memcpy(words, name.data(), std::min(name.size(), sizeof words));
  note_name(Kind::text, words[0], words[1]);
}

void note_result(std::uint64_t result) {
  note(Kind::result, bits(async::platform::job()), result);
}

}  // namespace kernel::trace
