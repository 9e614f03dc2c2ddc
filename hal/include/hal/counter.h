// A counter of one hart, for statistics.
#pragma once

#include <atomic>
#include <cstdint>

namespace hal {

/// One hart adds, any hart reads. The addition is a load and a store: code that interrupts the hart
/// must not add to the same counter.
class Counter {
 public:
  void operator+=(std::uint64_t more) { value_.store(value() + more, std::memory_order_relaxed); }
  void operator++() { *this += 1; }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

}  // namespace hal
