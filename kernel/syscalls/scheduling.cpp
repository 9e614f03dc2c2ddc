#include <abi/flags.h>

#include <algorithm>
#include <array>

#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

Result<Thread*> thread_of(Thread& self, int id) {
  if (id < 0) return fail(Errno::einval);
  Thread* thread = id == 0 ? &self : threads().find(id);
  if (thread == nullptr) return fail(Errno::esrch);
  return thread;
}

Result<> apply(Thread& self, int id, int policy, UserPtr<const abi::SchedParam> param) {
  const auto thread = thread_of(self, id);
  if (!thread) return fail(thread.error());
  if (!param) return fail(Errno::einval);
  const auto wanted = param.read(self.space());
  if (!wanted) return fail(wanted.error());
  Schedule schedule = (*thread)->schedule();
  if (policy >= 0) schedule.policy = policy;
  schedule.priority = wanted->priority;
  if (!schedule.valid()) return fail(Errno::einval);
  (*thread)->set_schedule(schedule);
  return {};
}

}  // namespace

trap::Attempt<Result<>> sched_yield(Thread& self) {
  if (!async::current_executor().preempts(self.level() + 1)) return Result<>{};
  return trap::Attempt<Result<>>::wait();
}

Result<> sched_setscheduler(Thread& self, int id, int policy,
                            UserPtr<const abi::SchedParam> param) {
  if (policy < 0) return fail(Errno::einval);
  return apply(self, id, policy & ~abi::sched_reset_on_fork, param);
}

Result<int> sched_getscheduler(Thread& self, int id) {
  return thread_of(self, id).transform([](Thread* thread) { return thread->schedule().policy; });
}

Result<> sched_setparam(Thread& self, int id, UserPtr<const abi::SchedParam> param) {
  return apply(self, id, -1, param);
}

Result<> sched_getparam(Thread& self, int id, UserPtr<abi::SchedParam> param) {
  const auto thread = thread_of(self, id);
  if (!thread) return fail(thread.error());
  if (!param) return fail(Errno::einval);
  return param.write(self.space(), {.priority = (*thread)->schedule().priority});
}

Result<int> sched_get_priority_max(Thread&, int policy) {
  if (!Schedule::valid_policy(policy)) return fail(Errno::einval);
  return Schedule{.policy = policy}.is_real_time() ? 99 : 0;
}

Result<int> sched_get_priority_min(Thread&, int policy) {
  if (!Schedule::valid_policy(policy)) return fail(Errno::einval);
  return Schedule{.policy = policy}.is_real_time() ? 1 : 0;
}

/// Answers the number of bytes written, as the system call does (the C library answers 0).
Result<int> sched_getaffinity(Thread& self, int id, std::size_t size, std::uintptr_t mask) {
  const auto thread = thread_of(self, id);
  if (!thread) return fail(thread.error());
  constexpr std::uint64_t boot_hart = 1;
  if (size < sizeof boot_hart || size % sizeof boot_hart != 0) return fail(Errno::einval);
  if (const auto written = UserPtr<std::uint64_t>{mask}.write(self.space(), boot_hart); !written) {
    return fail(written.error());
  }
  return sizeof boot_hart;
}

// ── Nice values ──

namespace {

/// Calls `each` for the threads that `which` and `id` mean; ESRCH if there are none.
template <class Each>
Result<> for_threads(Thread& self, int which, int id, Each&& each) {
  switch (which) {
    case abi::prio_process: {
      Thread* thread = id == 0 ? &self : threads().find(id);
      if (thread == nullptr) return fail(Errno::esrch);
      each(*thread);
      return {};
    }
    case abi::prio_pgrp:
    case abi::prio_user: {
      if (id < 0) return fail(Errno::esrch);
      for (Thread& thread : threads()) each(thread);
      return {};
    }
    default: return fail(Errno::einval);
  }
}

}  // namespace

Result<> setpriority(Thread& self, int which, int id, int nice) {
  return for_threads(self, which, id, [&](Thread& thread) {
    Schedule schedule = thread.schedule();
    schedule.nice = std::clamp(nice, -20, 19);
    thread.set_schedule(schedule);
  });
}

/// The system call answers 20 − nice, so that no answer looks like an error.
Result<int> getpriority(Thread& self, int which, int id) {
  int most_urgent = 19;
  const auto found = for_threads(self, which, id, [&](Thread& thread) {
    most_urgent = std::min(most_urgent, thread.schedule().nice);
  });
  if (!found) return fail(found.error());
  return 20 - most_urgent;
}

}  // namespace kernel::sys
