#include "process/running.h"

#include <async_platform.h>
#include <trap/fpu.h>

#include <algorithm>

#include "process/thread.h"

namespace kernel {
namespace {

struct Running {
  Thread* thread = nullptr;
  async::Instant since{};                  // when it was switched to
  std::uint64_t slice_end = hal::no_deadline;
  std::uint64_t alarm = hal::no_deadline;  // the executor's
};

constinit thread_local Running running;

void set_hardware_timer() { hal::set_timer(std::min(running.slice_end, running.alarm)); }

void start_slice() {
  running.slice_end = hal::now_ns() + static_cast<std::uint64_t>(Schedule::slice.count());
  set_hardware_timer();
}

}  // namespace

void run_nobody() {
  if (running.thread == nullptr) return;
  running.thread->cpu_time += async::now() - running.since;
  running.thread = nullptr;
  running.slice_end = hal::no_deadline;
}

void prepare_to_run(Thread& thread) {
  Running& now = running;
  if (now.thread != &thread) [[unlikely]] {
    const async::Instant time = async::now();
    if (now.thread != nullptr) now.thread->cpu_time += time - now.since;
    now.thread = &thread;
    now.since = time;
    now.slice_end = hal::no_deadline;
    thread.space().activate();
    trap::fpu::switch_to(thread.context());
  }
  if (thread.space().take_code_written()) [[unlikely]] hal::synchronize_code();
  if (now.slice_end == hal::no_deadline && thread.schedule().shares_level() &&
      async::current_executor().ready_priority() <= thread.schedule().level()) [[unlikely]] {
    start_slice();
  }
}

async::Duration running_time(const Thread& thread) {
  return running.thread == &thread ? async::now() - running.since : async::Duration::zero();
}

bool take_end_of_slice() {
  if (running.slice_end > hal::now_ns()) return false;
  running.slice_end = hal::no_deadline;
  set_hardware_timer();
  return true;
}

void timer_fired() {
  if (running.alarm <= hal::now_ns()) {
    running.alarm = hal::no_deadline;
    async::current_executor().alarm_fired();
  }
  set_hardware_timer();
}

void set_executor_alarm(std::uint64_t ns) noexcept {
  running.alarm = ns;
  set_hardware_timer();
}

}  // namespace kernel
