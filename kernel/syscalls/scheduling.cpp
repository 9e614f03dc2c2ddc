#include <abi/flags.h>
#include <hal/hart.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "memory/frames.h"
#include "memory/user_memory.h"
#include "process/job_control.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/identity.h"
#include "syscalls/scheduled.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

/// Changes the priority and, if given, the policy of the thread `id`.
Result<> apply(Thread& self, int id, std::optional<int> policy,
               UserPtr<const abi::SchedParam> param) {
  if (id < 0 || !param) return fail(Errno::einval);
  const auto wanted = param.read(self.space());
  if (!wanted) return fail(wanted.error());
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  Schedule schedule = target->get();
  if (policy) {
    schedule.policy = *policy & ~abi::sched_reset_on_fork;
    schedule.resets_on_fork = (*policy & abi::sched_reset_on_fork) != 0;
  }
  if (wanted->priority < 0 || wanted->priority > 99) return fail(Errno::einval);
  schedule.priority = static_cast<std::int8_t>(wanted->priority);
  schedule.reservation = {};  // only sched_setattr sets one
  if (!schedule.valid()) return fail(Errno::einval);
  return target->set(schedule);
}

async::Task<Result<>> yield_budget(Thread& self) {
  co_await end_deadline_job(self);
  co_return Result<>{};
}

}  // namespace

trap::Answer<Result<>> yield_specially(Thread& self) {
  const int threshold = self.yield_threshold();
  if (threshold < 0) return self.wait([&] { return yield_budget(self); });
  if (!async::current_executor().preempts(static_cast<unsigned>(threshold))) return Result<>{};
  return self.wait(async::yield);
}

Result<> sched_setscheduler(Thread& self, int id, int policy,
                            UserPtr<const abi::SchedParam> param) {
  if (policy < 0) return fail(Errno::einval);
  return apply(self, id, policy, param);
}

Result<int> sched_getscheduler(Thread& self, int id) {
  return find_scheduled(self, id).transform([](Scheduled of) {
    return of.get().policy | (of.get().resets_on_fork ? abi::sched_reset_on_fork : 0);
  });
}

Result<> sched_setparam(Thread& self, int id, UserPtr<const abi::SchedParam> param) {
  return apply(self, id, std::nullopt, param);
}

Result<> sched_getparam(Thread& self, int id, UserPtr<abi::SchedParam> param) {
  if (id < 0 || !param) return fail(Errno::einval);
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  return param.write(self.space(), {.priority = target->get().priority});
}

Result<int> sched_get_priority_max(Thread&, int policy) {
  if (!Schedule::valid_policy(policy)) return fail(Errno::einval);
  return Schedule{.policy = policy}.is_real_time() ? 99 : 0;
}

Result<int> sched_get_priority_min(Thread&, int policy) {
  if (!Schedule::valid_policy(policy)) return fail(Errno::einval);
  return Schedule{.policy = policy}.is_real_time() ? 1 : 0;
}

/// The length of a time slice; 0 for SCHED_FIFO.
Result<> sched_rr_get_interval(Thread& self, int id, UserPtr<abi::Timespec> interval) {
  const auto target = find_scheduled(self, id);
  if (!target) return fail(target.error());
  const Schedule schedule = target->get();
  return interval.write(
      self.space(), to_timespec(schedule.shares_level() ? schedule.slice() : async::Duration{}));
}

// ── Affinity ──

/// Returns the number of bytes written, as Linux's system call does (the C library returns 0).
Result<int> sched_getaffinity(Thread& self, int id, std::size_t size, std::uintptr_t mask) {
  if (size < sizeof(std::uint64_t) || size % sizeof(std::uint64_t) != 0) {
    return fail(Errno::einval);
  }
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  const std::uint64_t harts = target->harts();
  if (const auto written = UserPtr<std::uint64_t>{mask}.write(self.space(), harts); !written) {
    return fail(written.error());
  }
  return sizeof harts;
}

/// Ignores harts that do not exist; a mask shorter than a word is extended by zeros. When the call
/// returns, the caller runs on one of its harts. ENOMEM: there is no page for the set.
trap::Answer<Result<>> sched_setaffinity(Thread& self, int id, std::size_t size,
                                         std::uintptr_t mask) {
  const async::HartMask all = async::Executor::all();
  async::HartMask harts = 0;
  const std::size_t read = std::min(size, sizeof harts);
  if (auto copied = memory::copy_from_user(self.space(), &harts, mask, read); !copied)
    return copied;
  harts &= all;
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  if (harts == 0) return fail(Errno::einval);
  if (harts == all) {
    harts = async::all_harts;
  } else if (target->get().is_deadline()) {
    return fail(Errno::ebusy);  // its reservation was admitted for all harts
  }
  if (!std::has_single_bit(harts) && !memory::can_allocate(hal::page_size)) {
    return fail(in_strand(Errno::enomem));
  }
  if (const auto set = target->set_harts(harts); !set) return set;
  if (!self.may_stay()) return self.wait(async::yield);
  return Result<>{};
}

/// There is one node, number 0.
Result<> getcpu(Thread& self, UserPtr<std::uint32_t> hart, UserPtr<std::uint32_t> node) {
  if (hart) {
    if (auto done = hart.write(self.space(), hal::hart_index()); !done) return done;
  }
  if (node) {
    if (auto done = node.write(self.space(), 0); !done) return done;
  }
  return {};
}

// ── Nice values ──

namespace {

/// Calls each(Scheduled) for all that `which` and `id` name. ESRCH if there is none.
template <class Each>
Result<> for_scheduled(Thread& self, int which, int id, Each&& each) {
  switch (which) {
    case abi::prio_process: return Scheduled::find(self, id).transform(each);
    case abi::prio_pgrp: {
      if (!async::Strand::is_held()) return fail(Errno::would_block);
      bool found = false;
      const int group = id != 0 ? id : self.process().group();
      job_control::for_each_member(group, [&](Process& process) {
        for (Thread& thread : process.threads()) {
          found = true;
          each(Scheduled{thread});
        }
      });
      return found ? Result<>{} : fail(Errno::esrch);
    }
    case abi::prio_user: {
      if (id != 0) return fail(Errno::esrch);  // there is one user
      for (Thread& thread : threads()) each(Scheduled{thread});
      return {};
    }
    default: return fail(Errno::einval);
  }
}

}  // namespace

Result<> setpriority(Thread& self, int which, int id, int nice) {
  Result<> all_set;
  const auto found = for_scheduled(self, which, id, [&](Scheduled target) {
    Schedule schedule = target.get();
    schedule.nice = static_cast<std::int8_t>(std::clamp(nice, -20, 19));
    if (const auto set = target.set(schedule); !set) all_set = set;
  });
  return found ? all_set : found;
}

/// Returns 20 − nice, so that no result looks like an error.
Result<int> getpriority(Thread& self, int which, int id) {
  int most_urgent = 19;
  const auto found = for_scheduled(self, which, id, [&](Scheduled target) {
    most_urgent = std::min<int>(most_urgent, target.get().nice);
  });
  if (!found) return fail(found.error());
  return 20 - most_urgent;
}

}  // namespace kernel::sys
