// The signal actions of a process. Programs cannot have signal handlers: a signal is ignored, ends
// the process, or stays pending while it is blocked (signal(7)).
#pragma once

#include <abi/signal.h>
#include <kernel/ref.h>

#include <array>
#include <bit>

namespace kernel {

/// The actions of a process. CLONE_SIGHAND shares them, fork copies them, and execve keeps them.
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

  /// Whether `signal` has no effect when it is not blocked.
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
