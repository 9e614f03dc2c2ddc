// System V semaphores.
#include "ipc/semaphores.h"

#include <abi/ipc.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "syscalls/ipc.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using ipc::Object;
using ipc::SemaphoreSet;
using ipc::SemaphoreUndo;

/// The operations of a call. A few need no memory of their own.
class Operations {
 public:
  /// E2BIG, EFAULT, ENOMEM.
  static Result<Operations> read(Thread& self, std::uintptr_t from, std::size_t count) {
    Operations operations;
    operations.count_ = count;
    if (count > few) {
      if (!memory::can_allocate(count * sizeof(abi::SemaphoreOperation)))
        return fail(Errno::enomem);
      operations.many_ = std::make_unique_for_overwrite<abi::SemaphoreOperation[]>(count);
    }
    const UserSpan<const abi::SemaphoreOperation> given{from, count};
    if (auto copied = given.read(self.space(), operations.writable()); !copied)
      return fail(copied.error());
    return operations;
  }
  std::span<const abi::SemaphoreOperation> all() const {
    return {many_ ? many_.get() : few_.data(), count_};
  }

 private:
  static constexpr std::size_t few = 8;
  std::span<abi::SemaphoreOperation> writable() {
    return {many_ ? many_.get() : few_.data(), count_};
  }

  std::array<abi::SemaphoreOperation, few> few_;
  std::unique_ptr<abi::SemaphoreOperation[]> many_;
  std::size_t count_ = 0;
};

/// The adjustments of a process, which its end adds to the semaphores.
class UndoAtEnd final : public Process::AtEnd {
 public:
  explicit UndoAtEnd(int process) : undo{process} {}
  bool do_some() override {
    constexpr unsigned in_step = 64;
    return undo.apply_some(in_step);
  }
  SemaphoreUndo undo;
};

/// The adjustments of the caller's process, with one for each operation with SEM_UNDO. Null: there
/// is no such operation. ENOMEM.
Result<SemaphoreUndo*> undo_for(Thread& self, SemaphoreSet& set,
                                std::span<const abi::SemaphoreOperation> operations) {
  SemaphoreUndo* undo = nullptr;
  for (const auto& operation : operations) {
    if ((operation.flags & abi::sem_undo) == 0) continue;
    Process& process = self.process();
    if (process.semaphore_undo() == nullptr) {
      if (!memory::can_allocate(sizeof(UndoAtEnd))) return fail(Errno::enomem);
      auto made = process.set_semaphore_undo(std::make_unique<UndoAtEnd>(process.id()));
      if (!made) return fail(made.error());
    }
    undo = &static_cast<UndoAtEnd*>(process.semaphore_undo())->undo;
    if (auto made = undo->make(set, operation.number); !made) return fail(made.error());
  }
  return undo;
}

async::Task<Result<int>> wait_for_semaphores(Thread& self, Ref<SemaphoreSet> set,
                                             Operations operations, SemaphoreUndo* undo,
                                             async::Instant deadline) {
  ipc::WaitingOperations waiting{std::move(set), operations.all(), undo, self.process().id()};
  const auto woken = co_await waiting.done().wait_until(deadline, "semaphore");
  if (waiting.done().is_set()) {
    if (const auto result = waiting.result(); !result) co_return fail(result.error());
    co_return 0;
  }
  co_return fail(woken == async::WaitResult::timed_out ? Errno::eagain : Errno::eintr);
}

trap::Answer<Result<int>> operate_semaphores(Thread& self, int number, std::uintptr_t from,
                                             unsigned count, async::Instant deadline) {
  if (count > ipc::most_semaphore_operations) return fail(Errno::e2big);
  auto operations = Operations::read(self, from, count);
  if (!operations) return fail(operations.error());
  if (count == 0) return fail(Errno::einval);
  const auto found = ipc::find<SemaphoreSet>(number);
  if (!found) return fail(found.error());
  SemaphoreSet& set = **found;
  const auto all = operations->all();
  bool alters = false;
  for (const auto& operation : all) {
    if (operation.number >= set.count()) return fail(Errno::efbig);
    alters |= operation.change != 0;
  }
  const unsigned wanted = alters ? Object::may_write : Object::may_read;
  if (auto allowed = set.check(caller_of(self), wanted); !allowed) return fail(allowed.error());
  const auto undo = undo_for(self, set, all);
  if (!undo) return fail(undo.error());
  const auto done = set.perform(all, *undo, self.process().id());
  if (done) return 0;
  if (done.error() != Errno::would_block) return fail(done.error());
  return self.wait([&] {
    return wait_for_semaphores(self, Ref<SemaphoreSet>::share(set), std::move(*operations), *undo,
                               deadline);
  });
}

Result<int> write_semaphore_limits(Thread& self, int command, std::uintptr_t to) {
  const bool is_use = command == abi::sem_info;
  const auto number = [](std::size_t count) { return static_cast<std::int32_t>(count); };
  const abi::SemaphoreLimits limits{
      .map = ipc::most_semaphores,
      .most_sets = ipc::most_semaphore_sets,
      .most_semaphores = ipc::most_semaphores,
      .most_undos = ipc::most_semaphores,
      .most_in_set = ipc::most_semaphores_in_set,
      .most_operations = static_cast<std::int32_t>(ipc::most_semaphore_operations),
      .most_undos_of_process = static_cast<std::int32_t>(ipc::most_semaphore_operations),
      .undo_bytes = is_use ? number(SemaphoreSet::all().size()) : 20,
      .most_value = ipc::most_semaphore_value,
      .most_adjustment =
          is_use ? number(SemaphoreSet::semaphore_count()) : ipc::most_semaphore_value};
  return write_status(self, to, limits, SemaphoreSet::all().highest_place());
}

/// Calls use(first, values) -> Result<> for parts of the set.
template <class Use>
Result<> for_each_part(const SemaphoreSet& set, Use&& use) {
  constexpr unsigned in_part = 256;
  std::array<std::uint16_t, in_part> values;
  for (unsigned first = 0; first < set.count(); first += in_part) {
    const std::span part{values.data(), std::min(in_part, set.count() - first)};
    if (auto used = use(first, part); !used) return used;
  }
  return {};
}

Result<> get_all_semaphores(Thread& self, const SemaphoreSet& set, UserSpan<std::uint16_t> to) {
  return for_each_part(set, [&](unsigned first, std::span<std::uint16_t> part) {
    for (unsigned i = 0; i < part.size(); ++i)
      part[i] = static_cast<std::uint16_t>(set.value(first + i));
    return to.subspan(first).write(self.space(), part);
  });
}

/// Reads all values twice, so that nothing changes if one of them is wrong. A program that writes
/// to them meanwhile may get a part of the change, and the error.
Result<> set_all_semaphores(Thread& self, SemaphoreSet& set, UserSpan<std::uint16_t> from) {
  const auto read = [&](unsigned first, std::span<std::uint16_t> part) -> Result<> {
    if (auto copied = from.subspan(first).read(self.space(), part); !copied) return copied;
    const bool is_right = std::ranges::max(part) <= ipc::most_semaphore_value;
    return is_right ? Result<>{} : fail(Errno::erange);
  };
  if (auto checked = for_each_part(set, read); !checked) return checked;
  const auto done = for_each_part(set, [&](unsigned first, std::span<std::uint16_t> part) {
    auto again = read(first, part);
    for (unsigned i = 0; again && i < part.size(); ++i)
      set.set(first + i, part[i], self.process().id());
    return again;
  });
  set.end_setting(0, set.count() - 1);
  return done;
}

/// The commands about the values of an existing set.
Result<int> control_semaphore_values(Thread& self, int number, unsigned semaphore, int command,
                                     std::uintptr_t argument) {
  const auto value = static_cast<std::int32_t>(argument);
  const bool sets = command == abi::sem_setval || command == abi::sem_setall;
  if (command == abi::sem_setval && (value < 0 || value > ipc::most_semaphore_value))
    return fail(Errno::erange);
  const auto found = ipc::find<SemaphoreSet>(number);
  if (!found) return fail(found.error());
  SemaphoreSet& set = **found;
  const bool is_one = command != abi::sem_getall && command != abi::sem_setall;
  const auto check = [&] {
    return set.check(caller_of(self), sets ? Object::may_write : Object::may_read);
  };
  if (command == abi::sem_setval && semaphore >= set.count()) return fail(Errno::einval);
  if (auto allowed = check(); !allowed) return fail(allowed.error());
  if (is_one && semaphore >= set.count()) return fail(Errno::einval);
  switch (command) {
    case abi::sem_getpid: return set.last_process(semaphore);
    case abi::sem_getval: return set.value(semaphore);
    case abi::sem_getncnt: return static_cast<int>(set.waiters(semaphore, false));
    case abi::sem_getzcnt: return static_cast<int>(set.waiters(semaphore, true));
    case abi::sem_setval:
      set.set(semaphore, value, self.process().id());
      set.end_setting(semaphore, semaphore);
      return 0;
    default: break;
  }
  const UserSpan<std::uint16_t> values{argument, set.count()};
  return (sets ? set_all_semaphores(self, set, values) : get_all_semaphores(self, set, values))
      .transform([] { return 0; });
}

Result<int> control_semaphores(Thread& self, int number, unsigned semaphore, int command,
                               std::uintptr_t argument) {
  if (number < 0) return fail(Errno::einval);
  switch (command) {
    case abi::ipc_info:
    case abi::sem_info: return write_semaphore_limits(self, command, argument);
    case abi::ipc_stat:
    case abi::sem_stat:
    case abi::sem_stat_any:
      return write_object_status<SemaphoreSet>(self, number, command, abi::sem_stat_any, argument);
    case abi::sem_getpid:
    case abi::sem_getval:
    case abi::sem_getall:
    case abi::sem_getncnt:
    case abi::sem_getzcnt:
    case abi::sem_setval:
    case abi::sem_setall:
      return control_semaphore_values(self, number, semaphore, command, argument);
    case abi::ipc_set: return set_permissions<SemaphoreSet>(self, number, argument);
    case abi::ipc_rmid: return remove_object<SemaphoreSet>(number);
    default: return fail(Errno::einval);
  }
}

}  // namespace

Result<int> semaphore_status(Thread& self, int number, int command, abi::SemaphoreStatus& status) {
  return object_status<SemaphoreSet>(self, number, command, abi::sem_stat_any, status);
}

/// flags: IPC_CREAT, IPC_EXCL; others have no effect
/// linux: Sets of semaphores count in the quota of files in /tmp.
Result<int> semget(Thread& self, std::int32_t key, int count, int flags) {
  return SemaphoreSet::get(caller_of(self), key, count, flags);
}

/// flags: IPC_NOWAIT, SEM_UNDO; others have no effect
/// linux: A waiter with several operations may be served after later waiters with one operation.
///   The changes to undo count in the quota of files in /tmp.
trap::Answer<Result<int>> semop(Thread& self, int number, std::uintptr_t operations,
                                unsigned count) {
  return operate_semaphores(self, number, operations, count, async::never);
}

/// flags: as `semop`
/// linux: As `semop`.
trap::Answer<Result<int>> semtimedop(Thread& self, int number, std::uintptr_t operations,
                                     unsigned count, UserPtr<const abi::Timespec> timeout) {
  if (!timeout) return operate_semaphores(self, number, operations, count, async::never);
  const auto given = timeout.read(self.space());
  if (!given) return fail(given.error());
  if (count > ipc::most_semaphore_operations) return fail(Errno::e2big);
  const auto length = to_duration(*given);
  if (!length) return fail(length.error());
  return operate_semaphores(self, number, operations, count, after(*length));
}

/// flags: the commands IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, SEM_STAT, SEM_STAT_ANY, SEM_INFO,
///   GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, SETALL, SETVAL; EINVAL for others
/// linux: There is one user, the superuser: IPC_SET of another owner fails with EINVAL.
Result<int> semctl(Thread& self, int number, unsigned semaphore, int command,
                   std::uintptr_t argument) {
  return control_semaphores(self, number, semaphore, command, argument);
}

}  // namespace sys

KERNEL_CALL(semget, sys::semget);
KERNEL_CALL(semop, sys::semop);
KERNEL_CALL(semtimedop, sys::semtimedop);
KERNEL_CALL(semctl, sys::semctl);

}  // namespace kernel
