// A word with one writer at a time, which other harts may read at any time. Reads and writes are
// relaxed: they cost no more than those of a plain word, and order nothing. |=, &= and ^= are not
// atomic.
#pragma once

#include <atomic>
#include <type_traits>

#include "async/platform.h"

namespace async {

template <class T>
class RelaxedWord {
 public:
  constexpr RelaxedWord(T value) noexcept : value_(value) {}
  RelaxedWord(const RelaxedWord& other) noexcept : value_(T{other}) {}
  RelaxedWord& operator=(const RelaxedWord& other) noexcept { return *this = T{other}; }
  RelaxedWord& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  RelaxedWord& operator|=(T bits) noexcept { return *this = static_cast<T>(*this | bits); }
  RelaxedWord& operator&=(T bits) noexcept { return *this = static_cast<T>(*this & bits); }
  RelaxedWord& operator^=(T bits) noexcept { return *this = static_cast<T>(*this ^ bits); }
  operator T() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  platform::Atomic<T> value_;
};

/// A RelaxedWord; a plain word if harts do not run at the same time.
template <class T>
using SharedWord = std::conditional_t<platform::parallel, RelaxedWord<T>, T>;

}  // namespace async
