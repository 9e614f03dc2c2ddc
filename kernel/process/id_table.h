// Objects by their number: a fixed array of buckets with the chain through the objects themselves,
// so that adding and finding allocates nothing.
#pragma once

#include <array>
#include <cstddef>

namespace kernel {

/// What a T needs to be in an IdTable<T>: a base of T. In one table at most.
template <class T>
class IdTableEntry {
 private:
  template <class>
  friend class IdTable;
  T* next_in_bucket_ = nullptr;
};

/// T has `int id() const`, which does not change while it is in the table. The table owns nothing.
template <class T>
class IdTable {
 public:
  void add(T& object) {
    T*& head = bucket(object.id());
    object.IdTableEntry<T>::next_in_bucket_ = head;
    head = &object;
    ++size_;
  }

  void remove(T& object) {
    T** link = &bucket(object.id());
    while (*link != &object) link = &(*link)->IdTableEntry<T>::next_in_bucket_;
    *link = object.IdTableEntry<T>::next_in_bucket_;
    --size_;
  }

  T* find(int id) {
    T* object = bucket(id);
    while (object != nullptr && object->id() != id) {
      object = object->IdTableEntry<T>::next_in_bucket_;
    }
    return object;
  }

  std::size_t size() const { return size_; }

  /// The object with the smallest number ≥ `id`, or null. For walks that may wait in between.
  T* at_or_after(int id) {
    T* best = nullptr;
    for (T* object : buckets_) {
      for (; object != nullptr; object = object->IdTableEntry<T>::next_in_bucket_) {
        if (object->id() >= id && (best == nullptr || object->id() < best->id())) best = object;
      }
    }
    return best;
  }

 private:
  static constexpr std::size_t bucket_count = 256;

  T*& bucket(int id) { return buckets_[static_cast<unsigned>(id) % bucket_count]; }

  std::array<T*, bucket_count> buckets_{};
  std::size_t size_ = 0;
};

}  // namespace kernel
