#include "dispatch/x86_64/adapters.h"

#include <abi/flags.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/machine_facts.h"
#include "process/signal_timers.h"
#include "process/thread.h"
#include "syscalls/epoll.h"
#include "syscalls/ipc.h"
#include "syscalls/signal_action.h"
#include "syscalls/sleep.h"
#include "syscalls/submitted_calls.h"
#include "syscalls/timespec.h"

namespace kernel::sys::x86_64 {
namespace {

/// Converts a generic Stat at `status` to x86_64's, which is larger. The generic call has written
/// it there.
Result<> relay_out(Thread& self, Status status, Result<> answer) {
  static_assert(sizeof(abi::Stat) <= sizeof(abi::x86_64::Stat));
  if (!answer) return answer;
  const auto generic = UserPtr<const abi::Stat>{status.address()}.read(self.space());
  if (!generic) return fail(generic.error());
  return status.write(self.space(), abi::x86_64::to_stat(*generic));
}
UserPtr<abi::Stat> room_in(Status status) {
  return UserPtr<abi::Stat>{status.address()};
}

async::Instant deadline_in(int milliseconds) {
  return milliseconds < 0 ? async::never : after(std::chrono::milliseconds{milliseconds});
}

}  // namespace

// ── Names ──

trap::Answer<Result<int>> open(Thread& self, Name path, int flags, unsigned mode) {
  return openat(self, abi::at_fdcwd, path, flags, mode);
}
trap::Answer<Result<int>> creat(Thread& self, Name path, unsigned mode) {
  return open(self, path, abi::o_creat | abi::o_wronly | abi::o_trunc, mode);
}
Result<> stat(Thread& self, Name path, Status status) {
  return newfstatat(self, abi::at_fdcwd, path, status, 0);
}
Result<> lstat(Thread& self, Name path, Status status) {
  return newfstatat(self, abi::at_fdcwd, path, status, abi::at_symlink_nofollow);
}
Result<> fstat(Thread& self, int fd, Status status) {
  return relay_out(self, status, sys::fstat(self, fd, room_in(status)));
}
Result<> newfstatat(Thread& self, int directory, Name path, Status status, int flags) {
  return relay_out(self, status, sys::newfstatat(self, directory, path, room_in(status), flags));
}
Result<> access(Thread& self, Name path, int mode) {
  return faccessat(self, abi::at_fdcwd, path, mode);
}
Transfer readlink(Thread& self, Name path, UserSpan<char> to) {
  return readlinkat(self, abi::at_fdcwd, path, to);
}
Result<> mkdir(Thread& self, Name path, unsigned mode) {
  return mkdirat(self, abi::at_fdcwd, path, mode);
}
Result<> rmdir(Thread& self, Name path) {
  return unlinkat(self, abi::at_fdcwd, path, abi::at_removedir);
}
Result<> unlink(Thread& self, Name path) {
  return unlinkat(self, abi::at_fdcwd, path, 0);
}
Result<> rename(Thread& self, Name old_path, Name path) {
  return renameat2(self, abi::at_fdcwd, old_path, abi::at_fdcwd, path, 0);
}
Result<> renameat(Thread& self, int old_directory, Name old_path, int directory, Name path) {
  return renameat2(self, old_directory, old_path, directory, path, 0);
}
Result<> symlink(Thread& self, Name target, Name path) {
  return symlinkat(self, target, abi::at_fdcwd, path);
}
Result<> link(Thread& self, Name old_path, Name path) {
  return linkat(self, abi::at_fdcwd, old_path, abi::at_fdcwd, path, 0);
}
Result<> mknod(Thread& self, Name path, unsigned mode, std::uint32_t device) {
  return mknodat(self, abi::at_fdcwd, path, mode, device);
}
Result<> chmod(Thread& self, Name path, unsigned mode) {
  return fchmodat(self, abi::at_fdcwd, path, mode);
}
Result<> chown(Thread& self, Name path, std::uint32_t uid, std::uint32_t gid) {
  return fchownat(self, abi::at_fdcwd, path, uid, gid, 0);
}
Result<> lchown(Thread& self, Name path, std::uint32_t uid, std::uint32_t gid) {
  return fchownat(self, abi::at_fdcwd, path, uid, gid, abi::at_symlink_nofollow);
}

Result<> utime(Thread& self, Name path, UserPtr<const abi::x86_64::TwoSeconds> times) {
  FileTimes wanted = times_now;
  if (times) {
    const auto given = times.read(self.space());
    if (!given) return fail(given.error());
    wanted = {{{given->accessed, 0}, {given->modified, 0}}};
  }
  return set_times(self, abi::at_fdcwd, path, wanted, 0);
}
Result<> futimesat(Thread& self, int directory, Name path, std::uintptr_t times) {
  FileTimes wanted = times_now;
  if (times != 0) {
    std::array<abi::Timeval, 2> given;
    const UserSpan<const abi::Timeval> from{times, given.size()};
    if (auto read = from.read(self.space(), given); !read) return read;
    constexpr std::int64_t us_per_second = 1'000'000, ns_per_us = 1'000;
    for (std::size_t i = 0; i < given.size(); ++i) {
      // The product may be UTIME_NOW or UTIME_OMIT, which set_times() accepts.
      if (given[i].microseconds < 0 || given[i].microseconds >= us_per_second)
        return fail(Errno::einval);
      wanted[i] = {given[i].seconds, given[i].microseconds * ns_per_us};
    }
  }
  return set_times(self, directory, path, wanted, 0);
}
Result<> utimes(Thread& self, Name path, std::uintptr_t times) {
  return futimesat(self, abi::at_fdcwd, path, times);
}

// ── Descriptors ──

Result<> pipe(Thread& self, UserPtr<int> ends) {
  return pipe2(self, ends, 0);
}

/// dup3 fails if both descriptors are equal; dup2 does not.
Result<int> dup2(Thread& self, int from, int to) {
  if (from != to) return dup3(self, from, to, 0);
  if (self.process().files().find(from) == nullptr) return fail(Errno::ebadf);
  return to;
}

trap::Answer<Result<int>> select(Thread& self, int count, UserPtr<std::uint64_t> reading,
                                 UserPtr<std::uint64_t> writing, UserPtr<std::uint64_t> exceptional,
                                 UserPtr<abi::Timeval> timeout) {
  return select_for(self, count, {reading, writing, exceptional}, timeout);
}

trap::Answer<Result<int>> poll(Thread& self, UserPtr<abi::PollFd> fds, unsigned count,
                               int milliseconds) {
  return poll_until(self, fds, count, self.deadline_of_call(deadline_in(milliseconds)));
}

Result<int> eventfd(Thread& self, std::uint32_t count) {
  return eventfd2(self, count, 0);
}
Result<int> signalfd(Thread& self, int fd, UserPtr<const abi::SignalSet> mask,
                     std::size_t mask_size) {
  return signalfd4(self, fd, mask, mask_size, 0);
}
Result<int> inotify_init(Thread& self) {
  return inotify_init1(self, 0);
}

Result<int> epoll_create(Thread& self, int size) {
  if (size <= 0) return fail(Errno::einval);
  return epoll_create1(self, 0);
}
Result<> epoll_ctl(Thread& self, int epoll, int operation, int fd, std::uintptr_t event) {
  return change_epoll(self, epoll, operation, fd, event, EventLayout::packed);
}
trap::Answer<Result<int>> epoll_wait(Thread& self, int epoll, std::uintptr_t events, int most,
                                     int milliseconds) {
  return epoll_pwait(self, epoll, events, most, milliseconds, 0, 0);
}
trap::Answer<Result<int>> epoll_pwait(Thread& self, int epoll, std::uintptr_t events, int most,
                                      int milliseconds, std::uintptr_t mask,
                                      std::size_t mask_size) {
  return wait_for_events(self, epoll, events, most, deadline_in_ms(milliseconds), mask, mask_size,
                         EventLayout::packed);
}
trap::Answer<Result<int>> epoll_pwait2(Thread& self, int epoll, std::uintptr_t events, int most,
                                       std::uintptr_t timeout, std::uintptr_t mask,
                                       std::size_t mask_size) {
  const auto deadline = deadline_after(self, timeout);
  if (!deadline) return fail(deadline.error());
  return wait_for_events(self, epoll, events, most, *deadline, mask, mask_size,
                         EventLayout::packed);
}

// ── Signals ──

Result<> rt_sigaction(Thread& self, int signal, UserPtr<const abi::x86_64::SignalAction> action,
                      UserPtr<abi::x86_64::SignalAction> old, std::size_t set_size) {
  return exchange_signal_action(self, signal, action, old, set_size);
}

Result<int> semctl(Thread& self, int number, unsigned semaphore, int command,
                   std::uintptr_t argument) {
  // x86_64 has its own layout of the status. IPC_SET needs no conversion: it reads only the
  // permissions, which are at the start of both layouts.
  const bool asks =
      command == abi::ipc_stat || command == abi::sem_stat || command == abi::sem_stat_any;
  if (!asks || number < 0) return sys::semctl(self, number, semaphore, command, argument);
  abi::SemaphoreStatus generic;
  const auto found = semaphore_status(self, number, command, generic);
  if (!found) return found;
  const abi::x86_64::SemaphoreStatus status{.permissions = generic.permissions,
                                            .operated = generic.operated,
                                            .unused_1 = 0,
                                            .changed = generic.changed,
                                            .unused_2 = 0,
                                            .count = generic.count,
                                            .unused_3 = {}};
  return write_status(self, argument, status, *found);
}

trap::Answer<Result<>> pause(Thread& self) {
  return self.wait([&] { return Sleeping{self.space(), async::never, {}}; });
}

Result<std::int64_t> alarm(Thread& self, unsigned seconds) {
  constexpr unsigned real_time = 0;
  const auto timers = self.process().make_signal_timers();
  if (!timers) return fail(timers.error());
  const auto timer = (*timers)->interval_timer(real_time);
  if (!timer) return fail(timer.error());
  const async::Duration left = (*timer)->setting().left;
  (*timer)->set({.left = std::chrono::seconds{seconds}, .interval = {}});
  // To the nearest second, but 0 only means that there was no alarm (alarm(2)).
  if (left <= async::Duration::zero()) return 0;
  return std::max<std::int64_t>(1, (left.count() + ns_per_second / 2) / ns_per_second);
}

// ── Processes ──

trap::Answer<Result<int>> clone(Thread& self, std::uint64_t flags, std::uintptr_t stack,
                                std::uintptr_t parent_tid, std::uintptr_t child_tid,
                                std::uintptr_t thread_pointer) {
  return sys::clone(self, flags, stack, parent_tid, thread_pointer, child_tid);
}

namespace {

constexpr auto sigchld = static_cast<std::uint64_t>(abi::Signal::sigchld);
constexpr std::uint64_t vfork_flags = abi::clone_vm | abi::clone_vfork | sigchld;

}  // namespace

trap::Answer<Result<int>> fork(Thread& self) {
  return sys::clone(self, sigchld, 0, 0, 0, 0);
}
trap::Answer<Result<int>> vfork(Thread& self) {
  return sys::clone(self, vfork_flags, 0, 0, 0, 0);
}

int getpgrp(Thread& self) {
  return getpgid(self, 0).value();
}

// ── The rest ──

Result<std::int64_t> time(Thread& self, UserPtr<std::int64_t> seconds) {
  const auto since = async::now().time_since_epoch() + wall_clock_at_boot();
  const std::int64_t now = to_timespec(since).seconds;
  if (seconds) {
    if (auto written = seconds.write(self.space(), now); !written) return fail(written.error());
  }
  return now;
}

Result<> arch_prctl(Thread& self, int code, std::uintptr_t address) {
  namespace x86_64 = abi::x86_64;
  trap::UserContext& context = self.context();
  const bool is_gs = code == x86_64::arch_set_gs || code == x86_64::arch_get_gs;
  if (is_gs && !trap::UserContext::has_gs_base) return fail(Errno::einval);
  switch (code) {
    case x86_64::arch_set_fs:
    case x86_64::arch_set_gs:
      if (address >= hal::user_end) return fail(Errno::eperm);
      if (is_gs) {
        context.set_gs_base(address);
      } else {
        context.set_thread_pointer(address);
      }
      return {};
    case x86_64::arch_get_fs:
    case x86_64::arch_get_gs:
      return UserPtr<std::uint64_t>{address}.write(
          self.space(), is_gs ? context.gs_base() : context.thread_pointer());
    default: return fail(Errno::einval);
  }
}

}  // namespace kernel::sys::x86_64
