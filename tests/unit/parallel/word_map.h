// A hash table whose keys are addresses of words. The explorer looks up a word at every operation.
//
// Open addressing with linear probing, and the multiplicative hash of D. Knuth: The Art of Computer
// Programming, volume 3, section 6.4. At most half of the slots are in use. Keys cannot be removed
// one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace parallel_test {

template <class Value>
class WordMap {
 public:
  /// The value of `word`, which must not be null. If it is missing, operator[] inserts Value{}.
  /// Insertions invalidate earlier references.
  Value& operator[](const void* word) {
    Slot& slot = slots_[slot_of(word)];
    return slot.word == word ? slot.value : insert(slot, word);
  }
  /// Null if it is missing.
  Value* find(const void* word) {
    Slot& slot = slots_[slot_of(word)];
    return slot.word == word ? &slot.value : nullptr;
  }
  void clear() { *this = {}; }

 private:
  static constexpr unsigned least_bits = 8;
  struct Slot {
    const void* word = nullptr;  // null: free
    Value value{};
  };

  /// The slot of `word`, or the free slot for it.
  std::size_t slot_of(const void* word) const {
    constexpr std::uint64_t golden_ratio =
        0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio
    std::size_t slot = reinterpret_cast<std::uintptr_t>(word) * golden_ratio >> (64 - bits_);
    while (slots_[slot].word != word && slots_[slot].word != nullptr) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }
  [[gnu::noinline]] Value& insert(Slot& free, const void* word) {
    Slot* slot = &free;
    if (2 * ++used_ > slots_.size()) {
      std::vector<Slot> before(std::size_t{1} << ++bits_);
      before.swap(slots_);
      for (Slot& old : before) {
        if (old.word != nullptr) slots_[slot_of(old.word)] = std::move(old);
      }
      slot = &slots_[slot_of(word)];
    }
    slot->word = word;
    return slot->value;
  }

  unsigned bits_ = least_bits;
  std::size_t used_ = 0;
  std::vector<Slot> slots_ = std::vector<Slot>(std::size_t{1} << least_bits);
};

}  // namespace parallel_test
