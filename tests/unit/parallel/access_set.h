// A set of accesses to words, and whether two sets conflict: whether an access of one and an access
// of the other use the same word and at least one of them writes.
#pragma once

#include <array>
#include <cstdint>

namespace parallel_test {

class AccessSet {
 public:
  using Number = std::uint8_t;
  /// The number of all words that have no number of their own. An access to one of them conflicts
  /// with all others.
  static constexpr Number any_word = 0;
  static constexpr unsigned most_words = 256;

  void clear() { *this = {}; }
  void add(Number word, bool writes) {
    if (word == any_word) conflicts_with_all_ = true;
    used_[word / 64] |= bit(word);
    if (writes) written_[word / 64] |= bit(word);
  }
  void add(const AccessSet& other) {
    for (unsigned i = 0; i < parts; ++i) {
      used_[i] |= other.used_[i];
      written_[i] |= other.written_[i];
    }
    conflicts_with_all_ |= other.conflicts_with_all_;
  }
  bool conflicts(Number word, bool writes) const {
    const std::uint64_t same = (writes ? used_ : written_)[word / 64] & bit(word);
    return same != 0 || word == any_word || conflicts_with_all_;
  }
  bool conflicts(const AccessSet& other) const {
    std::uint64_t same = 0;
    for (unsigned i = 0; i < parts; ++i) {
      same |= (used_[i] & other.written_[i]) | (written_[i] & other.used_[i]);
    }
    return same != 0 || conflicts_with_all_ || other.conflicts_with_all_;
  }

 private:
  static constexpr unsigned parts = most_words / 64;
  using Bits = std::array<std::uint64_t, parts>;

  static std::uint64_t bit(Number word) { return std::uint64_t{1} << word % 64; }

  Bits used_{};
  Bits written_{};
  bool conflicts_with_all_ = false;
};

}  // namespace parallel_test
