// A table of objects by number. A fixed array of buckets holds chains through the objects
// themselves, so that adding and finding allocates nothing. A list holds all objects in the order
// in which they were added.
#pragma once

#include <kernel/list.h>

#include <array>
#include <cstddef>

namespace kernel {

template <class T>
class IdTable;

/// The base class that makes T an element of IdTable<T>. An object is in one table at most.
template <class T>
class IdTableEntry : public ListNode<IdTable<T>> {
 private:
  friend IdTable<T>;
  T* next_in_bucket_ = nullptr;
};

/// T has `int id() const`, which does not change while the object is in the table. The table owns
/// no objects and has no lock: the strand owns it.
template <class T>
class IdTable {
 public:
  void add(T& object) {
    T*& head = bucket(object.id());
    entry(object).next_in_bucket_ = head;
    head = &object;
    all_.push_back(object);
    ++size_;
  }

  void remove(T& object) {
    T** link = &bucket(object.id());
    while (*link != &object) link = &entry(**link).next_in_bucket_;
    *link = entry(object).next_in_bucket_;
    all_.remove(object);
    --size_;
  }

  T* find(int id) {
    T* object = bucket(id);
    while (object != nullptr && object->id() != id) object = entry(*object).next_in_bucket_;
    return object;
  }

  std::size_t size() const { return size_; }

  /// All objects. No object may be added or removed during the iteration.
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }

 private:
  static constexpr std::size_t bucket_count = 256;

  static IdTableEntry<T>& entry(T& object) { return object; }
  T*& bucket(int id) { return buckets_[static_cast<unsigned>(id) % bucket_count]; }

  std::array<T*, bucket_count> buckets_{};
  List<T, IdTable> all_;
  std::size_t size_ = 0;
};

}  // namespace kernel
