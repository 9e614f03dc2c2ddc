#include <async/async.h>
#include <kernel/log.h>

#include <limits>
#include <optional>

#include "process/page_in.h"
#include "process/queued_signals.h"
#include "process/signal_delivery.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/registered_calls.h"
#include "syscalls/signal_action.h"
#include "syscalls/sleep.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

constexpr std::size_t set_bytes = sizeof(abi::SignalSet);

/// Signal 0 only tests whether the target exists.
bool valid_or_zero(int signal) {
  return signal == 0 || valid_signal(signal);
}

/// Only the first process itself and the console's keys can send a signal to the first process: its
/// end stops the machine (kill(2)).
bool may_signal(Thread& self, const Process& process) {
  return &process == &self.process() || &process != &first_process();
}

void post(Thread& self, Process& process, int signal) {
  if (signal == 0 || !may_signal(self, process)) return;
  (void)send_signal(process, signal_from(self, signal, abi::si_user));
}

/// kill(-1): all processes but the first and the caller's.
Result<> post_to_others(Thread& self, int signal) {
  bool found = false;
  for (Process& process : processes()) {
    if (&process == &self.process() || &process == &first_process()) continue;
    post(self, process, signal);
    found = true;
  }
  if (!found) return fail(Errno::esrch);
  return {};
}

Result<> post_to_group(Thread& self, int group, int signal) {
  bool found = false;
  for (Process& process : processes()) {  // a group exists while a zombie is a member
    if (process.group() != group) continue;
    post(self, process, signal);
    found = true;
  }
  if (!found) return fail(Errno::esrch);
  return {};
}

/// Reads what the program passes to rt_sigqueueinfo. Errors of read_signal_info().
Result<abi::SignalInfo> made_up_info(Thread& self, int target, int signal,
                                     UserPtr<const abi::SignalInfo> given) {
  auto info = read_signal_info(self, target == self.process().id(), given);
  if (info) info->signal = signal;
  return info;
}

/// Sends a signal to one thread. If `process` is not 0, the thread must belong to it. An ended
/// first thread still exists while its process does; signals to it have no effect.
Result<> post_to_thread(Thread& self, int id, int process, int signal) {
  Thread* const thread = id == self.id() ? &self : threads().find(id);
  if (thread == nullptr && processes().find(id) == nullptr) return fail(Errno::esrch);
  const int owner = thread != nullptr ? thread->process().id() : id;
  if (process != 0 && owner != process) return fail(Errno::esrch);
  if (!valid_or_zero(signal)) return fail(Errno::einval);
  if (thread == nullptr || signal == 0 || !may_signal(self, thread->process())) return {};
  return send_signal(*thread, signal_from(self, signal, abi::si_tkill));
}

}  // namespace

Result<> kill(Thread& self, int id, int signal) {
  if (signal != 0 && async::Strand::is_shared()) return fail(Errno::would_block);
  if (id == std::numeric_limits<int>::min()) return fail(Errno::esrch);  // -id would overflow
  Process* const process = process_of(id);
  if (id > 0 && process == nullptr) return fail(Errno::esrch);
  if (!valid_or_zero(signal)) return fail(Errno::einval);
  if (id == -1) return post_to_others(self, signal);
  if (id <= 0) return post_to_group(self, id == 0 ? self.process().group() : -id, signal);
  post(self, *process, signal);
  return {};
}

Result<> tkill(Thread& self, int thread, int signal) {
  if (thread <= 0) return fail(Errno::einval);
  return post_to_thread(self, thread, 0, signal);
}

Result<> tgkill(Thread& self, int process, int thread, int signal) {
  if (process <= 0 || thread <= 0) return fail(Errno::einval);
  return post_to_thread(self, thread, process, signal);
}

/// linux: The handler gets SI_QUEUE for SI_TIMER. A process or a thread has at most 1,024 queued
///   signals, also without RLIMIT_SIGPENDING.
Result<> rt_sigqueueinfo(Thread& self, int process, int signal,
                         UserPtr<const abi::SignalInfo> info) {
  const auto made_up = made_up_info(self, process, signal, info);
  if (!made_up) return fail(made_up.error());
  Process* const target = process_of(process);
  if (process <= 0 || target == nullptr) return fail(Errno::esrch);
  if (!valid_or_zero(signal)) return fail(Errno::einval);
  if (signal == 0 || !may_signal(self, *target)) return {};
  return send_signal(*target, *made_up);
}

/// linux: As `rt_sigqueueinfo`.
Result<> rt_tgsigqueueinfo(Thread& self, int process, int id, int signal,
                           UserPtr<const abi::SignalInfo> info) {
  if (process <= 0 || id <= 0) return fail(Errno::einval);
  const auto made_up = made_up_info(self, process, signal, info);
  if (!made_up) return fail(made_up.error());
  Thread* const thread = threads().find(id);
  if (thread == nullptr || thread->process().id() != process) return fail(Errno::esrch);
  if (!valid_or_zero(signal)) return fail(Errno::einval);
  if (signal == 0 || !may_signal(self, thread->process())) return {};
  return send_signal(*thread, *made_up);
}

Result<abi::SignalAction> signal_action(Thread& self, int number, bool to_change) {
  if (!valid_signal(number)) return fail(Errno::einval);
  const auto signal = static_cast<abi::Signal>(number);
  if (to_change && (abi::set_of(signal) & unblockable) != 0) return fail(Errno::einval);
  return self.process().signal_actions()[signal];
}

Result<> set_signal_action(Thread& self, int number, const abi::SignalAction& wanted) {
  const auto signal = static_cast<abi::Signal>(number);
  const bool is_handler = wanted.handler != abi::sig_dfl && wanted.handler != abi::sig_ign;
  if (is_handler) {
    if (auto mapped = self.process().map_signal_return(); !mapped) return mapped;
  }
  return self.process().set_signal_action(signal, wanted);
}

Result<> rt_sigaction(Thread& self, int number, UserPtr<const abi::SignalAction> action,
                      UserPtr<abi::SignalAction> old, std::size_t set_size) {
  return exchange_signal_action(self, number, action, old, set_size);
}

// Like exchange_signal_action(), rt_sigprocmask() writes the old value before it changes anything.

Result<> rt_sigprocmask(Thread& self, int how, UserPtr<const abi::SignalSet> set,
                        UserPtr<abi::SignalSet> old, std::size_t set_size) {
  if (self.has_pending_signals() && async::Strand::is_shared()) return fail(Errno::would_block);
  if (set_size != set_bytes) return fail(Errno::einval);
  const abi::SignalSet before = self.signal_mask();
  abi::SignalSet wanted = before;
  if (set) {
    const auto given = set.read(self.space());
    if (!given) return fail(given.error());
    switch (how) {
      case abi::sig_block: wanted = before | *given; break;
      case abi::sig_unblock: wanted = before & ~*given; break;
      case abi::sig_setmask: wanted = *given; break;
      default: return fail(Errno::einval);
    }
  }
  Result<> written{};
  if (old) written = old.write(self.space(), before);
  if (blocks(written)) return written;
  if (set) self.set_signal_mask(wanted);
  return written;
}

Result<> rt_sigpending(Thread& self, UserPtr<abi::SignalSet> out, std::size_t set_size) {
  if (set_size > set_bytes) return fail(Errno::einval);
  return out.write(self.space(), self.pending_signals() & self.signal_mask());
}

trap::Register rt_sigreturn(Thread& self) {
  return return_from_handler(self);
}

Result<> sigaltstack(Thread& self, UserPtr<const abi::SignalStack> wanted,
                     UserPtr<abi::SignalStack> old) {
  std::optional<abi::SignalStack> given;
  if (wanted) {
    const auto read = wanted.read(self.space());
    if (!read) return fail(read.error());
    given = *read;
  }
  Result<> written{};
  if (old) {
    abi::SignalStack shown = shown_signal_stack(self);
    if (is_on_signal_stack(self, self.context().stack())) shown.flags |= abi::ss_onstack;
    written = old.write(self.space(), shown);
    if (blocks(written)) return written;
  }
  if (given) {
    if (auto set = set_signal_stack(self, *given); !set) return set;
  }
  return written;
}

trap::Answer<Result<>> rt_sigsuspend(Thread& self, UserPtr<const abi::SignalSet> set,
                                     std::size_t set_size) {
  if (set_size != set_bytes) return fail(Errno::einval);
  const auto wanted = set.read(self.space());
  if (!wanted) return fail(wanted.error());
  if (auto set = self.set_temporary_mask(*wanted); !set) return fail(set.error());
  return self.wait([&] { return Sleeping{self.space(), async::never, {}}; });
}

namespace {

async::Task<Result<int>> await_signal(Thread& self, abi::SignalSet set,
                                      UserPtr<abi::PaddedSignalInfo> info,
                                      async::Instant deadline) {
  self.rare_settings()->awaited = set;
  const auto end = co_await async::sleep_until(deadline, "signal");
  self.rare_settings()->awaited = 0;
  abi::SignalInfo taken;
  const bool has_taken = self.take_signal(set, taken);
  self.process().choose_takers();
  if (!has_taken) co_return fail(end == async::WaitResult::woken ? Errno::eagain : Errno::eintr);
  if (info) {
    const auto written = co_await write_at_last(
        self, [&] { return info.write(self.space(), {.info = taken, .zeros = {}}); });
    if (!written) co_return fail(written.error());
  }
  co_return taken.signal;
}

}  // namespace

trap::Answer<Result<int>> rt_sigtimedwait(Thread& self, UserPtr<const abi::SignalSet> set,
                                          UserPtr<abi::PaddedSignalInfo> info,
                                          UserPtr<const abi::Timespec> timeout,
                                          std::size_t set_size) {
  if (set_size != set_bytes) return fail(Errno::einval);
  const auto given = set.read(self.space());
  if (!given) return fail(given.error());
  const abi::SignalSet wanted = *given & ~unblockable;
  async::Instant deadline = async::never;
  if (timeout) {
    const auto duration = timeout.read(self.space()).and_then(to_duration);
    if (!duration) return fail(duration.error());
    deadline = after(*duration);
  }
  if (info) {  // before a signal is taken, so that a page-in loses none
    const auto there = self.space().fault_in(info.address(), hal::Access::write);
    if (blocks(there)) return fail(there.error());
  }
  if (auto made = self.make_rare_settings(); !made) return fail(made.error());
  if ((self.pending_signals() & wanted) != 0) deadline = async::now();
  return self.wait([&] { return await_signal(self, wanted, info, deadline); });
}

}  // namespace kernel::sys

namespace kernel {

KERNEL_CALL(rt_sigqueueinfo, sys::rt_sigqueueinfo);
KERNEL_CALL(rt_tgsigqueueinfo, sys::rt_tgsigqueueinfo);

}  // namespace kernel
