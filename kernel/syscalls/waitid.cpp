// waitid: waits for the end of a child, and describes it as a signal's information.
#include <abi/flags.h>
#include <abi/signal.h>
#include <async/async.h>

#include <optional>

#include "process/thread.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

struct Wanted {
  int id = 0;  ///< of the child; 0: any child
  int options = 0;
};

/// There is one process group, 0, so every child is a member of it.
Result<Wanted> wanted_from(int which, int id, int options) {
  constexpr int kinds = abi::wexited | abi::wuntraced | abi::wcontinued;
  constexpr int thread_options = static_cast<int>(0xe000'0000);  // __WALL, __WCLONE, __WNOTHREAD
  if ((options & ~(kinds | abi::wnohang | abi::wnowait | thread_options)) != 0 ||
      (options & kinds) == 0) {
    return fail(Errno::einval);
  }
  switch (which) {
    case abi::p_all: return Wanted{.options = options};
    case abi::p_pid:
      if (id <= 0) return fail(Errno::einval);
      return Wanted{.id = id, .options = options};
    case abi::p_pgid:
      if (id < 0) return fail(Errno::einval);
      if (id != 0) return fail(Errno::echild);
      return Wanted{.options = options};
    case abi::p_pidfd: return fail(id < 0 ? Errno::einval : Errno::ebadf);
    default: return fail(Errno::einval);
  }
}

/// A child that has ended and matches, or null. ECHILD: no child can match.
Result<Process*> find_ended(Process& parent, const Wanted& wanted) {
  Process* const child = wanted.id != 0 ? parent.child(wanted.id) : parent.first_zombie();
  if (wanted.id != 0 ? child == nullptr : !parent.has_children()) return fail(Errno::echild);
  if (child == nullptr || !child->is_zombie() || (wanted.options & abi::wexited) == 0)
    return nullptr;
  return child;
}

abi::SignalInfo describe(const Process& ended) {
  const abi::WaitStatus status = ended.status();
  return {.signal = static_cast<int>(abi::Signal::sigchld),
          .code = status.was_killed() ? abi::cld_killed : abi::cld_exited,
          .sender = {.process = ended.id(),
                     .status = status.was_killed() ? static_cast<int>(status.signal())
                                                   : status.exit_code()}};
}

/// Linux writes only these members, so the rest of the program's structure stays as it is.
Result<> write_info(memory::AddressSpace& space, std::uintptr_t to, const abi::SignalInfo& info) {
  if (to == 0) return {};
  constexpr std::size_t written = offsetof(abi::SignalInfo, sender) + 3 * sizeof(int);
  return memory::copy_to_user(space, to, &info, written);
}

/// Writes what the call tells of `ended`, and reaps it unless WNOWAIT keeps it.
Result<int> report(Thread& self, Process& ended, const Wanted& wanted, std::uintptr_t info,
                   UserPtr<abi::ResourceUsage> usage) {
  if (usage) {
    const abi::ResourceUsage used{.user_time = to_timeval(ended.cpu_time())};
    if (auto written = usage.write(self.space(), used); !written) return fail(written.error());
  }
  if (auto written = write_info(self.space(), info, describe(ended)); !written)
    return fail(written.error());
  if ((wanted.options & abi::wnowait) == 0) self.process().reap(ended);
  return 0;
}

}  // namespace

/// flags: P_ALL, P_PID, P_PGID; WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT, __WALL, __WCLONE,
///   __WNOTHREAD; EINVAL for others
/// linux: The call reports only processes that have ended: no process stops or continues. P_PIDFD
///   fails with EBADF. __WALL, __WCLONE and __WNOTHREAD have no effect. There is one process group,
///   whose number is 0. Of the resource usage only the user time is not 0. If the kernel cannot
///   write the result, the child remains a zombie; Linux drops it.
async::Task<Result<int>> waitid(Thread& self, int which, int id, std::uintptr_t info, int options,
                                UserPtr<abi::ResourceUsage> usage) {
  const auto wanted = wanted_from(which, id, options);
  if (!wanted) co_return fail(wanted.error());
  for (;;) {
    const auto ended = find_ended(self.process(), *wanted);
    if (!ended) co_return fail(ended.error());
    if (*ended != nullptr) co_return report(self, **ended, *wanted, info, usage);
    if ((options & abi::wnohang) != 0) {
      const auto written = write_info(self.space(), info, {});
      if (!written) co_return fail(written.error());
      co_return 0;
    }
    const auto woken = co_await self.process().child_ended().wait("child");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

}  // namespace sys

KERNEL_CALL(waitid, sys::waitid);

}  // namespace kernel
