// Signals that wait until a thread takes them, of one thread or of one process.
#pragma once

#include <abi/signal.h>
#include <async/strand.h>

#include <cstddef>
#include <memory>

namespace kernel {

/// A set of signals, with what their handlers will learn. A signal below 32 is pending at most
/// once, the others are queued (signal(7)). In the strand.
class PendingSignals {
 public:
  PendingSignals() = default;
  PendingSignals(const PendingSignals&) = delete;
  ~PendingSignals() {
    if (first_) [[unlikely]]
      discard(~abi::SignalSet{0});
  }

  static constexpr unsigned most_entries = 1024;

  bool empty() const { return set_ == 0; }
  /// The signals that wait with their information, without those of timers.
  unsigned queued() const;
  abi::SignalSet set() const { return set_; }

  /// Adds a signal. Without memory for `info`, or with most_entries before it, the signal is
  /// pending all the same, but not once more if its number is pending already. take() then makes up
  /// an `info` that says si_user, as on Linux. Returns whether take() will return `info`.
  bool add(const abi::SignalInfo& info);
  /// Forgets the information of a signal of which there is one: it is pending without.
  void lose_info(abi::Signal signal);
  /// Removes the signal of `wanted` with the lowest number, but those of faults first. Returns
  /// false if there is none.
  bool take(abi::SignalSet wanted, abi::SignalInfo& taken) {
    return take_only(wanted, taken) || take_any(wanted, taken);
  }
  /// The fast path of take(): takes the signal of the only entry. Returns false, and takes nothing,
  /// if there is not exactly one entry, or if `wanted` has other pending signals.
  bool take_only(abi::SignalSet wanted, abi::SignalInfo& taken) {
    async::Strand::check_access();
    if (!first_ || first_->next || first_->is_free()) return false;
    const abi::SignalSet bit = abi::set_of(static_cast<abi::Signal>(first_->info.signal));
    if ((set_ & wanted) != bit) return false;
    taken = first_->info;
    first_->info.signal = 0;
    set_ &= ~bit;
    return true;
  }
  /// take() for a caller whose take_only() has failed.
  bool take_any(abi::SignalSet wanted, abi::SignalInfo& taken);
  void discard(abi::SignalSet signals);

 private:
  struct Entry {
    explicit Entry(const abi::SignalInfo& of) : info{of} {}
    bool is_free() const { return info.signal == 0; }

    abi::SignalInfo info;
    std::unique_ptr<Entry> next;
  };

  /// The slow path of add(): allocates an entry.
  bool append(const abi::SignalInfo& info);

  abi::SignalSet set_ = 0;
  // In the order of their arrival. The last entry is kept, marked free, when its signal is taken:
  // so the next signal needs no allocation.
  std::unique_ptr<Entry> first_;
};

}  // namespace kernel
