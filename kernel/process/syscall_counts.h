// The system calls of a thread: how often it has made each, and how long they took. The kernel
// counts them after `on` was written to /proc/syscalls (dispatch/counted_calls.h).
#pragma once

#include <hal/counter.h>

#include <array>
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
  /// The calls of one number. `ticks` of the clock: from the kernel's entry to the result, waits
  /// included.
  struct Count {
    std::uint64_t number = 0;
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
      if (counts_[i].calls.value() != 0) f(counts_[i]);
    }
  }
  /// Calls for whose numbers the table had no room.
  const Count& others() const { return counts_[size]; }

 private:
  [[gnu::noinline]] void add(std::uint64_t number, std::uint64_t calls, std::uint64_t ticks);

  std::array<Count, size + 1> counts_;  // the last one is others()
  CountedCall present_{};
};

}  // namespace kernel
