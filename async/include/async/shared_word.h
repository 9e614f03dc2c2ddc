// A word with one writer at a time, which other harts may read at any time. Reads and writes are
// relaxed: they cost no more than those of a plain word, and order nothing. |=, &= and ^= are not
// atomic.
//
// In a PublishedWord they acquire and release: a hart that reads a value sees all that the writer
// did before it wrote the value.
#pragma once

#include <atomic>
#include <type_traits>

#include "async/platform.h"

namespace async {

/// The order of a load of a pointer to an object that another hart has made and then published. The
/// reader sees how the object was made, because the object's address depends on this load. C++ had
/// memory_order_consume for that, but compilers emit a fence for it.
inline constexpr auto order_of_dependence = platform::checked || platform_is_checked_for_races
                                                ? std::memory_order_acquire
                                                : std::memory_order_relaxed;

template <class T, std::memory_order read, std::memory_order write>
class OrderedWord {
 public:
  constexpr OrderedWord(T value = {}) noexcept : value_(value) {}
  OrderedWord(const OrderedWord& other) noexcept : value_(T{other}) {}
  OrderedWord& operator=(const OrderedWord& other) noexcept { return *this = T{other}; }
  OrderedWord& operator=(T value) noexcept {
    value_.store(value, write);
    return *this;
  }
  OrderedWord& operator|=(T bits) noexcept { return *this = static_cast<T>(*this | bits); }
  OrderedWord& operator&=(T bits) noexcept { return *this = static_cast<T>(*this & bits); }
  OrderedWord& operator^=(T bits) noexcept { return *this = static_cast<T>(*this ^ bits); }
  operator T() const noexcept { return value_.load(read); }

 private:
  platform::Atomic<T> value_;
};

template <class T>
using RelaxedWord = OrderedWord<T, std::memory_order_relaxed, std::memory_order_relaxed>;
template <class T>
using PublishedWord = OrderedWord<T, std::memory_order_acquire, std::memory_order_release>;

/// A RelaxedWord; a plain word if harts do not run at the same time.
template <class T>
using SharedWord = std::conditional_t<platform::parallel, RelaxedWord<T>, T>;

}  // namespace async
