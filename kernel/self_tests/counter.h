// The unit of measurements: instructions, or nanoseconds if the caller of the self-test asks for
// them.
#pragma once

#include <abi/self_test.h>
#include <async/async.h>
#include <hal/instructions.h>

#include <cstdint>

namespace kernel::self_tests {

class Counter {
 public:
  explicit Counter(bool by_the_clock) : by_the_clock_{by_the_clock} {}

  /// The cost of an operation is the difference of two readings.
  std::uint64_t read() const {
    if (by_the_clock_) [[unlikely]]
      return clock();
    return hal::instructions();
  }

 private:
  [[gnu::cold, gnu::noinline]] static std::uint64_t clock() {
    return static_cast<std::uint64_t>(async::now().time_since_epoch().count());
  }

  bool by_the_clock_;
};

}  // namespace kernel::self_tests
