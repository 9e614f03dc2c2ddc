// Sets of harts: one word in worlds with at most 64 harts, several words in the simulator.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <compare>
#include <cstdint>
#include <type_traits>

#include "async/platform.h"

namespace async {

/// The words of a set. Worlds that are not parallel do not use sets, so one word is enough there,
/// even if they have more than 64 harts.
inline constexpr unsigned hart_mask_words =
    platform::parallel ? (platform::max_harts + 63) / 64 : 1;

/// A hart's number. No hart has the two highest values: see Job::every_hart and Job::listed_harts.
using HartNumber = std::conditional_t<platform::max_harts <= 254, std::uint8_t, std::uint16_t>;

/// A set of harts for worlds with more harts than a word has bits.
template <unsigned count>
class WideHartMask {
 public:
  constexpr WideHartMask(std::uint64_t first_harts = 0) noexcept : words_{first_harts} {}

  constexpr std::uint64_t& word(unsigned index) noexcept { return words_[index]; }
  constexpr std::uint64_t word(unsigned index) const noexcept { return words_[index]; }

  constexpr WideHartMask operator~() const noexcept {
    WideHartMask result;
    for (unsigned i = 0; i < count; ++i) result.words_[i] = ~words_[i];
    return result;
  }
  constexpr WideHartMask& operator&=(const WideHartMask& other) noexcept {
    for (unsigned i = 0; i < count; ++i) words_[i] &= other.words_[i];
    return *this;
  }
  constexpr WideHartMask& operator|=(const WideHartMask& other) noexcept {
    for (unsigned i = 0; i < count; ++i) words_[i] |= other.words_[i];
    return *this;
  }
  friend constexpr WideHartMask operator&(WideHartMask a, const WideHartMask& b) noexcept {
    return a &= b;
  }
  friend constexpr WideHartMask operator|(WideHartMask a, const WideHartMask& b) noexcept {
    return a |= b;
  }
  friend constexpr bool operator==(const WideHartMask&, const WideHartMask&) = default;
  friend constexpr auto operator<=>(const WideHartMask&, const WideHartMask&) = default;

 private:
  std::array<std::uint64_t, count> words_;
};

/// A set of harts, bit n for hart n.
using HartMask =
    std::conditional_t<hart_mask_words == 1, std::uint64_t, WideHartMask<hart_mask_words>>;

namespace detail {

constexpr std::uint64_t& word_of(std::uint64_t& harts, unsigned) noexcept {
  return harts;
}
constexpr std::uint64_t word_of(const std::uint64_t& harts, unsigned) noexcept {
  return harts;
}
template <unsigned count>
constexpr std::uint64_t& word_of(WideHartMask<count>& harts, unsigned index) noexcept {
  return harts.word(index);
}
template <unsigned count>
constexpr std::uint64_t word_of(const WideHartMask<count>& harts, unsigned index) noexcept {
  return harts.word(index);
}

constexpr unsigned word_with(unsigned hart) noexcept {
  return hart / 64 % hart_mask_words;
}
constexpr std::uint64_t bit_of(unsigned hart) noexcept {
  return std::uint64_t{1} << (hart % 64);
}

}  // namespace detail

inline constexpr HartMask all_harts = ~HartMask{0};
constexpr HartMask hart_mask(unsigned hart) noexcept {
  HartMask harts = 0;
  detail::word_of(harts, detail::word_with(hart)) = detail::bit_of(hart);
  return harts;
}

/// The harts 0 … count − 1.
constexpr HartMask harts_below(unsigned count) noexcept {
  HartMask harts = 0;
  for (unsigned i = 0; i < hart_mask_words; ++i) {
    const unsigned here = count > i * 64 ? count - i * 64 : 0;
    detail::word_of(harts, i) = here >= 64 ? ~std::uint64_t{0} : detail::bit_of(here) - 1;
  }
  return harts;
}

/// The harts 0 … 63 of the set, as one word.
constexpr std::uint64_t first_harts(const HartMask& harts) noexcept {
  return detail::word_of(harts, 0);
}

/// How many harts the set has.
constexpr unsigned count_harts(const HartMask& harts) noexcept {
  unsigned count = 0;
  for (unsigned i = 0; i < hart_mask_words; ++i) {
    count += static_cast<unsigned>(std::popcount(detail::word_of(harts, i)));
  }
  return count;
}
constexpr bool is_one_hart(const HartMask& harts) noexcept {
  if constexpr (hart_mask_words == 1) return std::has_single_bit(detail::word_of(harts, 0));
  return count_harts(harts) == 1;
}

/// The lowest hart of the set, which must not be empty.
constexpr unsigned first_hart(const HartMask& harts) noexcept {
  unsigned i = 0;
  while (i + 1 < hart_mask_words && detail::word_of(harts, i) == 0) ++i;
  return i * 64 + static_cast<unsigned>(std::countr_zero(detail::word_of(harts, i)));
}

/// The first hart of the set from `hart` on, cyclically. The set must not be empty.
constexpr unsigned next_hart(const HartMask& harts, unsigned hart) noexcept {
  HartMask after = 0;
  if constexpr (hart_mask_words > 1) {
    after = harts & ~harts_below(hart);
  } else if (hart < 64) {
    after = harts & ~std::uint64_t{0} << hart;
  }
  return first_hart(after != 0 ? after : harts);
}

/// A set that several harts change at the same time. add() and remove() are atomic. load() is not,
/// if the set has several words.
class AtomicHartMask {
 public:
  HartMask load(std::memory_order order) const noexcept {
    HartMask harts = 0;
    for (unsigned i = 0; i < hart_mask_words; ++i)
      detail::word_of(harts, i) = words_[i].load(order);
    return harts;
  }
  void add(unsigned hart, std::memory_order order) noexcept {
    words_[detail::word_with(hart)].fetch_or(detail::bit_of(hart), order);
  }
  void remove(unsigned hart, std::memory_order order) noexcept {
    words_[detail::word_with(hart)].fetch_and(~detail::bit_of(hart), order);
  }

 private:
  std::array<platform::Atomic<std::uint64_t>, hart_mask_words> words_{};
};

}  // namespace async
