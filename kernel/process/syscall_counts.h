// The system calls of a thread: how often it has made each, and how long they took. The kernel
// counts them after `on` was written to /proc/syscalls (dispatch/counted_calls.h).
#pragma once

#include <hal/counter.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kernel {

/// A call that has begun. `begin` is in ticks of the clock.
struct CountedCall {
  std::uint64_t number;
  std::uint64_t begin;
};

/// A hash table of `size` numbers with linear probing. The thread itself adds, outside the strand,
/// too; code in the strand reads.
class SyscallCounts {
 public:
  /// The calls of one number. `ticks` of the clock: from the begin of the call's handler to its
  /// result, waits included.
  struct Count {
    /// Not for others().
    std::uint64_t number() const { return taken.load(std::memory_order_relaxed) - 1; }
    void add(std::uint64_t more_calls, std::uint64_t more_ticks) {
      calls += more_calls;
      ticks += more_ticks;
    }
    bool is_taken() const { return taken.load(std::memory_order_relaxed) != 0; }

    /// The number plus 1; 0: no number yet. It never changes again, so a reader needs no order
    /// between this word and the counters.
    std::atomic<std::uint64_t> taken = 0;
    hal::Counter calls;
    hal::Counter ticks;
  };
  /// More numbers than any program uses; most use fewer than 40.
  static constexpr std::size_t size = 80;

  SyscallCounts() = default;
  SyscallCounts(const SyscallCounts&) = delete;

  /// Counts a call that ends now.
  void add(const CountedCall& call);
  /// Remembers the present call, which waits, until add_present().
  void set_present(const CountedCall& call) { present_ = call; }
  void add_present() { add(present_); }
  /// Adds the counts of another thread, which has ended.
  void add(const SyscallCounts& ended);

  /// Calls f(count) for each number with calls.
  template <class Function>
  void for_each(Function&& f) const {
    for (std::size_t i = 0; i < size; ++i) {
      if (counts_[i].is_taken() && counts_[i].calls.value() != 0) f(counts_[i]);
    }
  }
  /// The calls of all numbers for which the table has no room.
  const Count& others() const { return counts_[size]; }

 private:
  /// Finds or adds the count of this number. Returns others() if the table has no room for it.
  [[gnu::noinline]] Count& count_of(std::uint64_t number);

  std::array<Count, size + 1> counts_;  // the last one is others()
  CountedCall present_{};
};

}  // namespace kernel
