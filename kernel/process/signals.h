// The signal actions of a process: a signal is ignored, ends the process, or runs a handler
// (signal(7)).
#pragma once

#include <abi/signal.h>
#include <async/strand.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <bit>

namespace kernel {

/// The actions of a process. CLONE_SIGHAND shares them, fork copies them, and execve keeps all but
/// handlers. A copy shares the table of the original until one of the two sets an action other than
/// the default.
class SignalActions : public RefCounted<SignalActions> {
 public:
  SignalActions() = default;
  SignalActions(const SignalActions& other) : table_{other.table_}, defaults_{other.defaults_} {}

  const abi::SignalAction& operator[](abi::Signal signal) const {
    if ((defaults_ & abi::set_of(signal)) != 0) return default_action;
    return (*table_)[signal];
  }
  /// ENOMEM, but not for the default action. In the strand.
  Result<> set(abi::Signal signal, const abi::SignalAction& action);

  /// What a signal does when a thread takes it. That SIGCONT continues a process is no effect: it
  /// does so even if it is ignored or blocked (Process::post_signal).
  enum class Effect : std::uint8_t { none, handler, stop, end };
  Effect effect(abi::Signal signal) const {
    const abi::SignalAction& action = (*this)[signal];
    if (runs_handler(action)) return Effect::handler;
    if (action.handler == abi::sig_ign) return Effect::none;
    switch (abi::default_action(signal)) {
      case abi::DefaultAction::terminate: return Effect::end;
      case abi::DefaultAction::stop: return Effect::stop;
      default: return Effect::none;
    }
  }
  bool ignores(abi::Signal signal) const { return effect(signal) == Effect::none; }
  bool has_handler(abi::Signal signal) const { return runs_handler((*this)[signal]); }
  static bool runs_handler(const abi::SignalAction& action) {
    return action.handler != abi::sig_ign && action.handler != abi::sig_dfl;
  }

  /// Sets the default action for each signal that has a handler (execve). In the strand.
  void drop_handlers();

 private:
  class Table : public RefCounted<Table> {
   public:
    Table() = default;
    Table(const Table& other) : actions_{other.actions_} {}

    abi::SignalAction& operator[](abi::Signal signal) {
      return actions_[static_cast<std::size_t>(signal) - 1];
    }

   private:
    std::array<abi::SignalAction, abi::signal_limit> actions_{};
  };
  static constexpr abi::SignalAction default_action{};

  Ref<Table> table_;  // null: all signals are in defaults_
  // These signals have the default action. Their entries in the table are not used.
  abi::SignalSet defaults_ = ~abi::SignalSet{0};
};

/// SIGKILL and SIGSTOP can be neither blocked nor ignored.
inline constexpr abi::SignalSet unblockable =
    abi::set_of(abi::Signal::sigkill) | abi::set_of(abi::Signal::sigstop);

inline constexpr abi::SignalSet stop_signals =
    abi::set_of(abi::Signal::sigstop) | abi::set_of(abi::Signal::sigtstp) |
    abi::set_of(abi::Signal::sigttin) | abi::set_of(abi::Signal::sigttou);
inline constexpr abi::SignalSet job_control_signals =
    stop_signals | abi::set_of(abi::Signal::sigcont);

/// Calls each(signal) for the members of `set`, in the order of their numbers.
template <class Each>
void for_each_signal(abi::SignalSet set, Each&& each) {
  for (; set != 0; set &= set - 1) each(static_cast<abi::Signal>(std::countr_zero(set) + 1));
}

/// The SIGCHLD that reports the status `change` of the process or thread `id`.
abi::SignalInfo child_signal(int id, abi::WaitStatus change);

constexpr bool valid_signal(int number) {
  return number >= 1 && number <= abi::signal_limit;
}

}  // namespace kernel
