// Signals that a program sends, and RLIMIT_SIGPENDING. The limit is the greatest number of signals
// that wait with their information, in the queues of all processes together. Each timer that
// timer_create made counts as one of them. In the strand.
#pragma once

#include <abi/signal.h>
#include <kernel/result.h>

#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel {

inline constexpr int first_real_time_signal = 32;

/// Whether the limit of the process may matter for the signal.
inline bool may_be_limited(Process& process, const abi::SignalInfo& info) {
  if (info.signal >= first_real_time_signal) return true;
  return info.code < 0 && !process.limits().are_usual();
}

/// send_signal() for signals that may_be_limited().
Result<> send_limited(Process& to, const abi::SignalInfo& info);
Result<> send_limited(Thread& to, const abi::SignalInfo& info);

/// Posts a signal that a program has sent. EAGAIN: it is a real-time signal, was not sent by kill,
/// and its queue is full. Other signals lose their information then, unless they have a code of the
/// kernel or of kill.
inline Result<> send_signal(Process& to, const abi::SignalInfo& info) {
  if (may_be_limited(to, info)) [[unlikely]]
    return send_limited(to, info);
  (void)to.post_signal(info);
  return {};
}
inline Result<> send_signal(Thread& to, const abi::SignalInfo& info) {
  if (may_be_limited(to.process(), info)) [[unlikely]]
    return send_limited(to, info);
  (void)to.post_signal(info);
  return {};
}

/// Reads the information of a signal that a program makes up (rt_sigqueueinfo, pidfd_send_signal).
/// `is_own`: the target is the caller's process. EPERM: it is not, and the information pretends to
/// come from the kernel or from kill. EFAULT.
inline Result<abi::SignalInfo> read_signal_info(Thread& self, bool is_own,
                                                UserPtr<const abi::SignalInfo> given) {
  auto info = given.read(self.space());
  if (!info) return info;
  if ((info->code >= 0 || info->code == abi::si_tkill) && !is_own) return fail(Errno::eperm);
  if (info->code == abi::si_timer) info->code = abi::si_queue;  // no timer has sent it
  return info;
}

/// Whether the limit of the process allows no further timer.
bool has_queued_most(Process& process);

}  // namespace kernel
