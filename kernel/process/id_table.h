// The numbers of processes and threads, which share one range. A process has the number of its
// first thread.
//
// IdSlots has a slot for each number, in groups of 256 that exist while one of their numbers is in
// use. One unused group is kept for the next use. IdTable is the view of one kind of objects, with
// a list of all of them in the order in which they were added. The strand owns both. While it is
// shared, only processes are removed.
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>
#include <kernel/list.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace kernel {

class Process;
class Thread;

class IdSlots {
 public:
  static constexpr int limit = 1 << 19;  ///< numbers are 1 … limit − 1

  struct Slot {
    async::SharedWord<Process*> process = nullptr;
    async::SharedWord<Thread*> thread = nullptr;

    auto& of(const Process*) { return process; }
    auto& of(const Thread*) { return thread; }
    bool empty() const { return process == nullptr && thread == nullptr; }
  };

  /// `id` may be any int. Null if no number of its group of 256 is in use.
  static Slot* find(int id) {
    const auto at = static_cast<unsigned>(id);
    if (at >= limit) return nullptr;
    Slots* const slots = groups_[at / group_size].slots;
    return slots != nullptr ? &(*slots)[at % group_size] : nullptr;
  }
  static bool is_free(int id) {
    const Slot* const slot = find(id);
    return slot == nullptr || slot->empty();
  }

  /// The most that add() allocates, in bytes: the caller has tested can_allocate().
  static constexpr std::size_t most_bytes = 8192;
  template <class T>
  static void add(T& object) {
    use(object.id()).of(&object) = &object;
  }
  /// Another object may have taken over the number: after execve in another thread, a thread that
  /// has ended may exist a little longer.
  template <class T>
  static void remove(T& object) {
    auto& named = find(object.id())->of(&object);
    if (named == &object) named = nullptr;
    leave(object.id());
  }

 private:
  static constexpr unsigned group_size = 256;
  using Slots = std::array<Slot, group_size>;  // a page
  struct Group {
    async::SharedWord<Slots*> slots;  // null: no number of the group is in use
    unsigned used;                    // objects with a number of the group
  };

  static Slot& use(int id);
  static void leave(int id);
  static void allocate(Group& group);
  static void free(Group& group);

  static inline constinit std::array<Group, limit / group_size> groups_{};
  // The slots of an unused group, or null. With them, repeated use of the only number of a group
  // allocates no memory.
  static inline constinit Slots* spare_ = nullptr;
};

template <class T>
class IdTable;

/// The base class that makes T an element of IdTable<T>. An object is in one table at most.
template <class T>
class IdTableEntry : public ListNode<IdTable<T>> {};

/// T has `int id() const`, which does not change while the object is in the table. The table owns
/// no objects. It is on a cache line of its own, because fork writes it.
template <class T>
class alignas(64) IdTable {
 public:
  /// Needs IdSlots::most_bytes of memory, unless another object has the same number.
  void add(T& object) {
    IdSlots::add(object);
    all_.push_back(object);
    ++size_;
  }

  void remove(T& object) {
    IdSlots::remove(object);
    all_.remove(object);
    --size_;
  }

  /// remove(), for a caller that shares the strand.
  void remove_sharing(T& object) {
    const async::LeafLock::Guard lock{lock_};
    remove(object);
  }

  /// `id` may be any int. Null if no object has this number.
  T* find(int id) const {
    IdSlots::Slot* const slot = IdSlots::find(id);
    return slot != nullptr ? slot->of(static_cast<T*>(nullptr)) : nullptr;
  }

  std::size_t size() const { return size_; }

  /// All objects. No object may be added or removed during the iteration.
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }

 private:
  async::LeafLock lock_;  // excludes calls of remove_sharing() from each other
  List<T, IdTable> all_;
  std::size_t size_ = 0;
};

}  // namespace kernel
