// ioprio_set and ioprio_get: the priority of a thread's transfers. Disks take requests in the order
// in which they come, so it has no effect, as with Linux's scheduler `none`.
#include <abi/process.h>

#include <algorithm>

#include "process/job_control.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

constexpr int class_of(int priority) {
  return priority >> abi::ioprio_class_shift & 7;
}
constexpr int level_of(int priority) {
  return priority & 7;
}

/// EPERM; EINVAL.
Result<> check_priority(const Process& caller, int priority) {
  switch (class_of(priority)) {
    case abi::ioprio_class_rt: {
      const bool may = caller.has(Capability::sys_admin) || caller.has(Capability::sys_nice);
      return may ? Result<>{} : fail(Errno::eperm);
    }
    case abi::ioprio_class_be:
    case abi::ioprio_class_idle: return {};
    case abi::ioprio_class_none: return level_of(priority) == 0 ? Result<>{} : fail(Errno::einval);
    default: return fail(Errno::einval);
  }
}

/// Calls each(thread) for the threads that `which` and `id` name. EINVAL; ESRCH: there are none.
template <class Each>
Result<> for_threads(Thread& self, int which, int id, Each&& each) {
  bool found = false;
  const auto visit = [&](Thread& thread) {
    found = true;
    each(thread);
  };
  switch (which) {
    case abi::ioprio_who_process:
      if (Thread* const thread = id == 0 ? &self : threads().find(id)) visit(*thread);
      break;
    case abi::ioprio_who_pgrp: {
      const int group = id == 0 ? self.process().group() : id;
      job_control::for_each_member(group, [&](Process& process) {
        for (Thread& thread : process.threads()) visit(thread);
      });
      break;
    }
    case abi::ioprio_who_user:
      if (id != 0) break;  // there is one user
      for (Thread& thread : threads()) visit(thread);
      break;
    default: return fail(Errno::einval);
  }
  return found ? Result<>{} : fail(Errno::esrch);
}

int priority_of(const Thread& thread) {
  return thread.rare_settings() != nullptr ? thread.rare_settings()->io_priority : 0;
}
/// A thread without a priority has one by its nice value and its policy.
int effective_priority(const Thread& thread) {
  const int own = priority_of(thread);
  if (class_of(own) != abi::ioprio_class_none) return own;
  const Schedule& schedule = thread.schedule();
  const bool is_urgent = schedule.is_real_time() || schedule.is_deadline();
  const int kind = schedule.policy == abi::sched_idle ? abi::ioprio_class_idle
                   : is_urgent                        ? abi::ioprio_class_rt
                                                      : abi::ioprio_class_be;
  return kind << abi::ioprio_class_shift | (schedule.nice + 20) / 5;
}

}  // namespace

/// flags: IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER; EINVAL for others
/// linux: The priority has no effect: disks take requests in the order in which they come.
Result<> ioprio_set(Thread& self, int which, int id, int priority) {
  if (auto allowed = check_priority(self.process(), priority); !allowed) return allowed;
  Result<> all_set;
  const auto found = for_threads(self, which, id, [&](Thread& thread) {
    if (priority_of(thread) == priority) return;
    if (auto made = thread.make_rare_settings(); !made) {
      all_set = made;
    } else {
      thread.rare_settings()->io_priority = static_cast<std::uint16_t>(priority);
    }
  });
  return found ? all_set : found;
}

/// flags: As `ioprio_set`.
/// linux: As `ioprio_set`.
Result<int> ioprio_get(Thread& self, int which, int id) {
  if (which == abi::ioprio_who_process) {
    int own = 0;
    const auto found =
        for_threads(self, which, id, [&](Thread& thread) { own = priority_of(thread); });
    return found.transform([&] { return own; });
  }
  int best = abi::ioprio_class_idle << abi::ioprio_class_shift | 7;
  const auto found = for_threads(
      self, which, id, [&](Thread& thread) { best = std::min(best, effective_priority(thread)); });
  return found.transform([&] { return best; });
}

}  // namespace sys

KERNEL_CALL(ioprio_set, sys::ioprio_set);
KERNEL_CALL(ioprio_get, sys::ioprio_get);

}  // namespace kernel
