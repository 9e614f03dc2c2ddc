// The information of a signal that a program makes up (rt_sigqueueinfo, pidfd_send_signal).
#pragma once

#include <abi/signal.h>

#include "process/thread.h"

namespace kernel::sys {

/// Reads it. `is_own`: the target is the caller's process. EPERM: it is not, and the information
/// pretends to come from the kernel or from kill. EFAULT.
inline Result<abi::SignalInfo> read_signal_info(Thread& self, bool is_own,
                                                UserPtr<const abi::SignalInfo> given) {
  auto info = given.read(self.space());
  if (!info) return info;
  if ((info->code >= 0 || info->code == abi::si_tkill) && !is_own) return fail(Errno::eperm);
  if (info->code == abi::si_timer) info->code = abi::si_queue;  // no timer has sent it
  return info;
}

}  // namespace kernel::sys
