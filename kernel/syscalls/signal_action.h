// rt_sigaction for all layouts of the action in programs' memory.
#pragma once

#include <abi/signal.h>

#include <optional>

#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

/// The action of signal `number`. EINVAL: there is no such signal, or, with `to_change`, its action
/// cannot be changed.
Result<abi::SignalAction> signal_action(Thread& self, int number, bool to_change);
/// ENOMEM.
Result<> set_signal_action(Thread& self, int number, const abi::SignalAction& wanted);

/// rt_sigaction. `Action`: an abi::SignalAction in the layout of the program, perhaps with more
/// members. It writes the old value before it changes anything: the write may need a page-in, and
/// after a page-in the call is restarted. After another error it changes the action all the same,
/// as on Linux.
template <class Action>
Result<> exchange_signal_action(Thread& self, int number, UserPtr<const Action> action,
                                UserPtr<Action> old, std::size_t set_size) {
  if (set_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  std::optional<abi::SignalAction> wanted;
  if (action) {
    const auto given = action.read(self.space());
    if (!given) return fail(given.error());
    wanted = {.handler = given->handler, .flags = given->flags, .mask = given->mask};
  }
  const auto before = signal_action(self, number, wanted.has_value());
  if (!before) return fail(before.error());
  Result<> written{};
  if (old) {
    Action shown{};
    shown.handler = before->handler;
    shown.flags = before->flags;
    shown.mask = before->mask;
    written = old.write(self.space(), shown);
  }
  if (blocks(written)) return written;
  if (wanted) {
    if (const auto done = set_signal_action(self, number, *wanted); !done) return done;
  }
  return written;
}

}  // namespace kernel::sys
