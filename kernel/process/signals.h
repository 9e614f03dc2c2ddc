// The signal actions of a process. No signal runs a handler: a signal is ignored, ends the process,
// or stays pending while it is blocked (signal(7)).
#pragma once

#include <abi/signal.h>
#include <async/strand.h>
#include <kernel/ref.h>

#include <array>
#include <bit>

namespace kernel {

/// The actions of a process. CLONE_SIGHAND shares them, fork copies them, and execve keeps all but
/// handlers.
class SignalActions : public RefCounted<SignalActions> {
 public:
  SignalActions() = default;
  SignalActions(const SignalActions& other) : actions_{other.actions_} {}

  const abi::SignalAction& operator[](abi::Signal signal) const {
    return actions_[static_cast<std::size_t>(signal) - 1];
  }
  /// In the strand.
  void set(abi::Signal signal, const abi::SignalAction& action) {
    async::Strand::check_access();
    actions_[static_cast<std::size_t>(signal) - 1] = action;
  }

  /// Whether `signal` has no effect when it is not blocked.
  bool ignores(abi::Signal signal) const {
    const std::uintptr_t handler = (*this)[signal].handler;
    if (handler == abi::sig_ign) return true;
    return abi::default_action(signal) != abi::DefaultAction::terminate;
  }

  /// Sets the default action for each signal that has a handler (execve). In the strand.
  void drop_handlers();

 private:
  std::array<abi::SignalAction, abi::signal_limit> actions_{};
};

/// SIGKILL and SIGSTOP can be neither blocked nor ignored.
inline constexpr abi::SignalSet unblockable =
    abi::set_of(abi::Signal::sigkill) | abi::set_of(abi::Signal::sigstop);

/// The C libraries keep these for themselves (signal(7), on SIGCANCEL and SIGSETXID), and set
/// handlers for them in programs that never send one. So rt_sigaction takes such a handler.
/// Otherwise a first pthread_create() would leave ENOSYS in errno. The signal ends the process.
inline constexpr abi::SignalSet library_signals =
    abi::set_of(abi::Signal{32}) | abi::set_of(abi::Signal{33});

/// Calls each(signal) for the members of `set`, in the order of their numbers.
template <class Each>
void for_each_signal(abi::SignalSet set, Each&& each) {
  for (; set != 0; set &= set - 1) each(static_cast<abi::Signal>(std::countr_zero(set) + 1));
}

inline void SignalActions::drop_handlers() {
  for_each_signal(library_signals, [this](abi::Signal signal) {
    if ((*this)[signal].handler != abi::sig_ign) set(signal, {});
  });
}

constexpr bool valid_signal(int number) {
  return number >= 1 && number <= abi::signal_limit;
}

}  // namespace kernel
