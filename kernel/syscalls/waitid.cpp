// waitid: waits until a child ends, stops or continues, and describes that as a signal's
// information.
#include <abi/flags.h>
#include <abi/signal.h>
#include <async/async.h>

#include <optional>

#include "process/thread.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"
#include "syscalls/wait.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

struct WantedChild {
  int id = 0;  ///< as in find_changed_child()
  int options = 0;
  bool never_waits = false;  ///< EAGAIN instead (PIDFD_NONBLOCK)
};

/// The child for which a file stands. EBADF: it stands for no process. ECHILD: that was reaped.
Result<WantedChild> wanted_by_file(Thread& self, int fd, int options) {
  if (fd < 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  const EndWatch* const watch = file != nullptr ? file->end_watch() : nullptr;
  if (watch == nullptr) return fail(Errno::ebadf);
  const Process* const process = watch->process();
  if (process == nullptr) return fail(Errno::echild);
  return WantedChild{process->id(), options, file->is_nonblocking()};
}

Result<WantedChild> wanted_from(Thread& self, int which, int id, int options) {
  constexpr int kinds = abi::wexited | abi::wuntraced | abi::wcontinued;
  constexpr int thread_options = static_cast<int>(0xe000'0000);  // __WALL, __WCLONE, __WNOTHREAD
  if ((options & ~(kinds | abi::wnohang | abi::wnowait | thread_options)) != 0 ||
      (options & kinds) == 0) {
    return fail(Errno::einval);
  }
  switch (which) {
    case abi::p_all: return WantedChild{.id = -1, .options = options};
    case abi::p_pid:
      if (id <= 0) return fail(Errno::einval);
      return WantedChild{.id = id, .options = options};
    case abi::p_pgid:
      if (id < 0) return fail(Errno::einval);
      if (id == 1) return fail(Errno::echild);  // -1 would mean all children
      return WantedChild{.id = -id, .options = options};
    case abi::p_pidfd: return wanted_by_file(self, id, options);
    default: return fail(Errno::einval);
  }
}

/// Linux writes only these members, so the rest of the program's structure stays as it is.
Result<> write_info(memory::AddressSpace& space, std::uintptr_t to, const abi::SignalInfo& info) {
  if (to == 0) return {};
  constexpr std::size_t written = offsetof(abi::SignalInfo, sender) + 3 * sizeof(int);
  return memory::copy_to_user(space, to, &info, written);
}

/// Writes what the call tells of `child`, and unless WNOWAIT keeps that, reaps it or forgets the
/// report.
Result<int> report(Thread& self, Process& child, const WantedChild& wanted, std::uintptr_t info,
                   UserPtr<abi::ResourceUsage> usage) {
  if (usage) {
    const abi::ResourceUsage used{.user_time = to_timeval(child.cpu_time())};
    if (auto written = usage.write(self.space(), used); !written) return fail(written.error());
  }
  if (auto written = write_info(self.space(), info, child.change()); !written)
    return fail(written.error());
  if ((wanted.options & abi::wnowait) != 0) return 0;
  if (child.is_zombie()) {
    self.process().reap(child);
  } else {
    child.drop_report();
  }
  return 0;
}

/// The same for a thread that the caller traces.
Result<int> report(Thread& self, Tracee& tracee, const WantedChild& wanted, std::uintptr_t info,
                   UserPtr<abi::ResourceUsage> usage) {
  if (usage) {
    if (auto written = usage.write(self.space(), {}); !written) return fail(written.error());
  }
  if (auto written = write_info(self.space(), info, tracee.change()); !written)
    return fail(written.error());
  if ((wanted.options & abi::wnowait) == 0) tracee.drop_report();
  return 0;
}

}  // namespace

/// flags: P_ALL, P_PID, P_PGID, P_PIDFD; WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT, __WALL,
///   __WCLONE, __WNOTHREAD; EINVAL for others
/// linux: __WALL, __WCLONE and __WNOTHREAD have no effect. No child is in group 1. Of the resource
///   usage only the user time is not 0. If the kernel cannot write the result, the child remains a
///   zombie; Linux drops it.
async::Task<Result<int>> waitid(Thread& self, int which, int id, std::uintptr_t info, int options,
                                UserPtr<abi::ResourceUsage> usage) {
  const auto wanted = wanted_from(self, which, id, options);
  if (!wanted) co_return fail(wanted.error());
  for (;;) {
    const auto traced = find_changed_tracee(self.process(), wanted->id);
    if (traced && *traced != nullptr) co_return report(self, **traced, *wanted, info, usage);
    auto found = find_changed_child(self.process(), wanted->id, wanted->options);
    if (!found && traced) found = nullptr;
    if (!found) co_return fail(found.error());
    if (*found != nullptr) co_return report(self, **found, *wanted, info, usage);
    if ((options & abi::wnohang) != 0) {
      const auto written = write_info(self.space(), info, {});
      if (!written) co_return fail(written.error());
      co_return 0;
    }
    if (wanted->never_waits) co_return fail(Errno::eagain);
    const auto woken = co_await self.process().child_ended().wait("child");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

}  // namespace sys

KERNEL_CALL(waitid, sys::waitid);

}  // namespace kernel
