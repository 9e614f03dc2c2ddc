// Full schedules: sched_setattr(2) and sched_getattr(2), and hint_work and share_priority, which
// Linux does not have.
#include <abi/flags.h>
#include <abi/numbers.h>
#include <abi/shared_priority.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "process/life.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/private_calls.h"
#include "syscalls/scheduled.h"

namespace kernel::sys {
namespace {

using abi::SchedAttr;

constexpr std::uint64_t known_flags = abi::sched_flag_reset_on_fork | abi::sched_flag_reclaim |
                                      abi::sched_flag_overrun | abi::sched_flag_keep_policy |
                                      abi::sched_flag_keep_params | abi::sched_flag_util_clamp;

/// The most that may be reserved of each hart, in millionths: Linux's default sched_rt_runtime_us.
constexpr std::uint64_t most_reserved = 950'000;

constexpr async::Duration duration(std::uint64_t ns) {
  constexpr auto most = static_cast<std::uint64_t>(async::Duration::max().count());
  return async::Duration{static_cast<async::Duration::rep>(std::min(ns, most))};
}

/// Reads a structure whose size may differ from the kernel's. Missing fields are 0. If additional
/// bytes are not 0 or the size is invalid, fails with E2BIG and writes the kernel's size to the
/// caller.
Result<SchedAttr> read_attributes(memory::AddressSpace& space, std::uintptr_t address) {
  const UserPtr<std::uint32_t> size_field{address};
  const auto said = size_field.read(space);
  if (!said) return fail(said.error());
  const std::size_t size = *said == 0 ? abi::first_sched_attr_size : *said;
  const auto too_big = [&]() -> Result<SchedAttr> {
    (void)size_field.write(space, sizeof(SchedAttr));
    return fail(Errno::e2big);
  };
  if (size < abi::first_sched_attr_size || size > hal::page_size) return too_big();

  SchedAttr wanted{};
  const std::size_t common = std::min(size, sizeof wanted);
  if (auto copied = memory::copy_from_user(space, &wanted, address, common); !copied) {
    return fail(copied.error());
  }
  for (std::size_t at = common; at < size;) {
    std::array<std::byte, 64> rest;
    const std::size_t piece = std::min(size - at, rest.size());
    if (auto copied = memory::copy_from_user(space, rest.data(), address + at, piece); !copied) {
      return fail(copied.error());
    }
    if (std::any_of(rest.begin(), rest.begin() + piece, [](auto b) { return b != std::byte{}; })) {
      return too_big();
    }
    at += piece;
  }
  return wanted;
}

Result<Schedule> changed(Schedule schedule, const SchedAttr& wanted) {
  if ((wanted.flags & ~known_flags) != 0) return fail(Errno::einval);
  if ((wanted.flags & abi::sched_flag_util_clamp) != 0) return fail(Errno::enotsup);
  if ((wanted.flags & abi::sched_flag_keep_policy) == 0) {
    schedule.policy = static_cast<int>(wanted.policy);
    schedule.resets_on_fork = (wanted.flags & abi::sched_flag_reset_on_fork) != 0;
  }
  if ((wanted.flags & abi::sched_flag_keep_params) == 0) {
    schedule.priority = static_cast<std::int8_t>(std::min<std::uint32_t>(wanted.priority, 100));
    schedule.reservation = {};
    if (schedule.has_nice())
      schedule.nice = static_cast<std::int8_t>(std::clamp(wanted.nice, -20, 19));
    if (schedule.is_deadline()) {
      schedule.reservation = {
          .runtime = duration(wanted.runtime),
          .deadline = duration(wanted.deadline),
          .period = duration(wanted.period != 0 ? wanted.period : wanted.deadline),
      };
    }
  }
  if (!schedule.valid()) return fail(Errno::einval);
  return schedule;
}

/// Admission test: EBUSY if all reservations together exceed the limit for all harts. EPERM if the
/// thread may not run on all harts.
Result<> can_allocate(const Scheduled& target, const Schedule& wanted) {
  if (!wanted.is_deadline()) return {};
  const async::HartMask all = async::Executor::all();
  if (target.harts() != all) return fail(Errno::eperm);
  std::uint64_t reserved = wanted.reservation.share();
  for (const Thread& thread : threads()) {
    if (!target.is_of(thread)) reserved += thread.copy_schedule().reservation.share();
  }
  if (reserved > most_reserved * std::popcount(all)) return fail(Errno::ebusy);
  return {};
}

SchedAttr attributes_of(const Schedule& schedule) {
  const auto ns = [](async::Duration time) { return static_cast<std::uint64_t>(time.count()); };
  return {
      .size = 0,
      .policy = static_cast<std::uint32_t>(schedule.policy),
      .flags = schedule.resets_on_fork ? abi::sched_flag_reset_on_fork : 0,
      .nice = schedule.has_nice() ? schedule.nice : 0,
      .priority = static_cast<std::uint32_t>(schedule.priority),
      .runtime = ns(schedule.reservation.runtime),
      .deadline = ns(schedule.reservation.deadline),
      .period = ns(schedule.reservation.period),
      .least_utilisation = 0,
      .most_utilisation = 0,
  };
}

}  // namespace

Result<> sched_setattr(Thread& self, int id, std::uintptr_t attributes, unsigned flags) {
  if (attributes == 0 || id < 0 || flags != 0) return fail(Errno::einval);
  const auto wanted = read_attributes(self.space(), attributes);
  if (!wanted) return fail(wanted.error());
  if (static_cast<int>(wanted->policy) < 0) return fail(Errno::einval);
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  const auto schedule = changed(target->get(), *wanted);
  if (!schedule) return fail(schedule.error());
  if (auto admitted = can_allocate(*target, *schedule); !admitted) return admitted;
  return target->set(*schedule);
}

Result<> sched_getattr(Thread& self, int id, std::uintptr_t attributes, std::size_t size,
                       unsigned flags) {
  if (attributes == 0 || id < 0 || flags != 0) return fail(Errno::einval);
  if (size < abi::first_sched_attr_size || size > hal::page_size) return fail(Errno::einval);
  const auto target = Scheduled::find(self, id);
  if (!target) return fail(target.error());
  SchedAttr answer = attributes_of(target->get());
  answer.size = static_cast<std::uint32_t>(std::min(size, sizeof answer));
  return memory::copy_to_user(self.space(), attributes, &answer, answer.size);
}

Result<> share_priority(Thread& self, std::uintptr_t address) {
  if (address % alignof(abi::SharedPriority) != 0) return fail(Errno::einval);
  if (address != 0) {
    const auto there = self.space().fault_in(address, hal::Access::write);
    if (!there) return fail(there.error());
  }
  if (address != self.shared_priority()) self.share_priority(address);
  if (address != 0) exchange_priority(self);
  return {};
}

Result<> hint_work(Thread& self, std::uint64_t number, std::uint64_t deadline, std::uint64_t weight,
                   std::uint64_t work_class) {
  if (weight > abi::most_weight || work_class >= abi::work_classes) return fail(Errno::einval);
  self.hint_work({.due = deadline == 0 ? async::never : async::Instant{duration(deadline)},
                  .number = number,
                  .weight = static_cast<std::uint32_t>(weight),
                  .work_class = static_cast<std::uint8_t>(work_class)});
  return {};
}

}  // namespace kernel::sys
