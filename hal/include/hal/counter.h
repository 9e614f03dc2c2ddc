// What one hart counts, and others look at meanwhile.
#pragma once

#include <atomic>
#include <cstdint>

namespace hal {

/// Changed by one hart, which is not interrupted while it does; read by any.
class Counter {
 public:
  void operator+=(std::uint64_t more) { value_.store(value() + more, std::memory_order_relaxed); }
  void operator++() { *this += 1; }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

}  // namespace hal
