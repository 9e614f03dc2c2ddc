// Files that stand for processes: a program can wait for the end of one, and send it signals,
// without the danger that another process has its number meanwhile.
#include <abi/flags.h>
#include <abi/signal.h>

#include "files/directory.h"
#include "formats/numbers.h"
#include "process/end_watch.h"
#include "process/queued_signals.h"
#include "process/signal_delivery.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

/// The signal's information that the program has given. EINVAL: it is for another signal. Errors of
/// read_signal_info().
Result<abi::SignalInfo> information(Thread& self, const Process& process, int signal,
                                    UserPtr<const abi::SignalInfo> given) {
  if (!given) return signal_from(self, signal, abi::si_user);
  const auto number = UserPtr<const int>{given.address()}.read(self.space());
  if (number && *number != signal) return fail(Errno::einval);
  auto info = read_signal_info(self, &process == &self.process(), given);
  if (info && info->signal != signal) return fail(Errno::einval);  // the program changes it
  return info;
}

/// The process for which a file stands: that of pidfd_open, or the directory /proc/PID. EBADF: it
/// is no such file; ESRCH: the process was reaped.
Result<Process*> process_behind(File& file) {
  if (const EndWatch* const watch = file.end_watch()) {
    if (watch->process() == nullptr) return fail(Errno::esrch);
    return watch->process();
  }
  Node* const node = file.node();
  Directory* const directory = node != nullptr ? node->as_directory() : nullptr;
  if (directory == nullptr || node->file_system() != Node::FileSystem::processes)
    return fail(Errno::ebadf);
  if (directory->is_removed()) return fail(Errno::esrch);
  const auto path = directory->path();
  constexpr std::string_view start = "/proc/";
  if (!path || !path->starts_with(start)) return fail(Errno::ebadf);
  const auto id = formats::parse_number(std::string_view{*path}.substr(start.size()));
  Process* const process = id ? processes().find(static_cast<int>(*id)) : nullptr;
  if (process == nullptr) return fail(Errno::ebadf);
  return process;
}

}  // namespace

/// flags: PIDFD_NONBLOCK; EINVAL for others
/// linux: PIDFD_THREAD fails with EINVAL.
Result<int> pidfd_open(Thread& self, int id, unsigned flags) {
  constexpr unsigned nonblock = abi::o_nonblock;
  if ((flags & ~nonblock) != 0 || id <= 0) return fail(Errno::einval);
  Process* const process = processes().find(id);
  if (process == nullptr) return fail(threads().find(id) != nullptr ? Errno::einval : Errno::esrch);
  if (!memory::can_allocate(sizeof(EndWatch) + pid_file_bytes)) return fail(Errno::enomem);
  auto watch = process->watch_end();
  if (!watch) return fail(watch.error());
  constexpr bool close_on_exec = true;
  return self.process().files().add(make_pid_file(std::move(*watch), static_cast<int>(flags)),
                                    close_on_exec);
}

/// flags: 0; EINVAL for others
/// linux: A signal to the first process has no effect unless that process sends it.
Result<> pidfd_send_signal(Thread& self, int fd, int signal, UserPtr<const abi::SignalInfo> info,
                           unsigned flags) {
  if (flags != 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  const auto found = process_behind(*file);
  if (!found) return fail(found.error());
  Process* const process = *found;
  const auto sent = information(self, *process, signal, info);
  if (!sent) return fail(sent.error());
  if (signal != 0 && !valid_signal(signal)) return fail(Errno::einval);
  const bool is_protected = process == &first_process() && process != &self.process();
  if (signal == 0 || is_protected) return {};
  return send_signal(*process, *sent);
}

}  // namespace sys

KERNEL_CALL(pidfd_open, sys::pidfd_open);
KERNEL_CALL(pidfd_send_signal, sys::pidfd_send_signal);

}  // namespace kernel
