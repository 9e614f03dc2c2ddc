// Access to words that a program or a device may change at any time. Each access is exactly one
// load or store: the compiler cannot repeat, omit or split it. The memory order is relaxed.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace kernel {

/// A word that the machine loads and stores as a whole.
template <class T>
concept MachineWord = std::is_scalar_v<T> && sizeof(T) <= sizeof(std::uint64_t);

template <MachineWord Word>
Word read_once(const Word& shared) {
  return __atomic_load_n(&shared, __ATOMIC_RELAXED);
}
template <MachineWord Word>
void write_once(Word& shared, std::type_identity_t<Word> value) {
  __atomic_store_n(&shared, value, __ATOMIC_RELAXED);
}

/// The largest word that T's alignment allows.
template <class T>
using WordOf = std::conditional_t<
    alignof(T) >= 8, std::uint64_t,
    std::conditional_t<alignof(T) == 4, std::uint32_t,
                       std::conditional_t<alignof(T) == 2, std::uint16_t, std::uint8_t>>>;
template <class T>
inline constexpr std::size_t words_of = sizeof(T) / sizeof(WordOf<T>);

/// A copy of `shared`. Reads each word once. The words may have been written at different times.
template <class T>
T copy_once(const T& shared) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::array<WordOf<T>, words_of<T>> words;
  const auto* const from = reinterpret_cast<const WordOf<T>*>(&shared);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = read_once(from[i]);
  return std::bit_cast<T>(words);
}
/// Writes each word of `shared` once.
template <class T>
void store_once(T& shared, const T& value) {
  const auto words = std::bit_cast<std::array<WordOf<T>, words_of<T>>>(value);
  auto* const to = reinterpret_cast<WordOf<T>*>(&shared);
  for (std::size_t i = 0; i < words.size(); ++i) write_once(to[i], words[i]);
}

}  // namespace kernel
