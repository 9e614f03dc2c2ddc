// What a process does about signals. Handlers in programs are not supported: a signal is ignored,
// or it ends the process, or it stays pending while it is blocked (signal(7)).
#pragma once

#include <abi/signal.h>
#include <kernel/ref.h>

#include <array>
#include <bit>

namespace kernel {

/// The dispositions of a process: shared by CLONE_SIGHAND, copied by fork, kept through execve.
class SignalActions : public RefCounted<SignalActions> {
 public:
  SignalActions() = default;
  SignalActions(const SignalActions& other) : actions_{other.actions_} {}

  const abi::SignalAction& operator[](abi::Signal signal) const {
    return actions_[static_cast<std::size_t>(signal) - 1];
  }
  abi::SignalAction& operator[](abi::Signal signal) {
    return actions_[static_cast<std::size_t>(signal) - 1];
  }

  /// Whether `signal`, unblocked, would have no effect.
  bool ignores(abi::Signal signal) const {
    const std::uintptr_t handler = (*this)[signal].handler;
    if (handler == abi::sig_ign) return true;
    return abi::default_action(signal) != abi::DefaultAction::terminate;
  }

 private:
  std::array<abi::SignalAction, abi::signal_limit> actions_{};
};

/// SIGKILL and SIGSTOP can be neither blocked nor ignored.
inline constexpr abi::SignalSet unblockable =
    abi::set_of(abi::Signal::sigkill) | abi::set_of(abi::Signal::sigstop);

/// Calls each(signal) for the members of `set`, in the order of their numbers.
template <class Each>
void for_each_signal(abi::SignalSet set, Each&& each) {
  for (; set != 0; set &= set - 1) each(static_cast<abi::Signal>(std::countr_zero(set) + 1));
}

constexpr bool valid_signal(int number) {
  return number >= 1 && number <= abi::signal_limit;
}

}  // namespace kernel
