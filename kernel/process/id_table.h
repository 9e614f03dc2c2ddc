// The numbers of processes and threads, which share one range. A process has the number of its
// first thread.
//
// IdSlots has a slot for each number, in groups of 256. A hart allocates numbers from a group that
// no other hart uses. So harts that create threads at the same time write no common data. The slots
// of a group exist while a hart allocates numbers from it, or while one of its numbers is in use.
// IdTable is the view of one kind of objects.
//
// Call these functions in the strand or while the caller shares it, except those that say
// otherwise.
#pragma once

#include <async/leaf_lock.h>
#include <async/shared_word.h>
#include <hal/hart.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/hart_count.h"

namespace kernel {

class Process;
class Thread;

class IdSlots {
 public:
  static constexpr int limit = 1 << 19;  ///< numbers are 1 … limit − 1

  /// A hart that finds an object here sees all that its creator did before it added the object.
  struct Slot {
    template <class T>
    using Word = async::OrderedWord<T*, async::order_of_dependence, std::memory_order_release>;
    Word<Process> process = nullptr;
    Word<Thread> thread = nullptr;

    auto& of(const Process*) { return process; }
    auto& of(const Thread*) { return thread; }
    bool empty() const { return process == nullptr && thread == nullptr; }
  };

  /// `id` may be any int. Null if the slots of its group do not exist.
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
  /// The first object whose number is at least `id`, which is not negative; null: there is none.
  template <class T>
  [[gnu::noinline]] static T* at_or_after(int id) {
    for (auto at = static_cast<unsigned>(id); at < limit;) {
      Slots* const slots = groups_[at / group_size].slots;
      const unsigned end = (at / group_size + 1) * group_size;
      for (; slots != nullptr && at < end; ++at) {
        if (T* const object = (*slots)[at % group_size].of(static_cast<const T*>(nullptr)))
          return object;
      }
      at = group_with_slots(end / group_size) * group_size;
    }
    return nullptr;
  }

  /// A number that no object has. The caller has tested can_allocate(most_bytes), and fewer than a
  /// quarter of all numbers are in use.
  static int allocate();
  static constexpr std::size_t most_bytes = 8192;

  /// `object` has a number from allocate(), or that of another object.
  template <class T>
  static void add(T& object) {
    find(object.id())->of(&object) = &object;
    enter(object.id());
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
  static constexpr unsigned groups = limit / group_size;
  using Slots = std::array<Slot, group_size>;  // a page
  struct alignas(64) Group {
    async::OrderedWord<Slots*, async::order_of_dependence, std::memory_order_release> slots;
    // Objects with a number of the group, and 1 if a hart allocates numbers from the group.
    async::platform::Atomic<std::uint32_t> used;
    bool is_of_hart;  // a hart allocates numbers from the group. Behind lock_
  };
  struct alignas(64) Numbers {  // the numbers that a hart allocates next. Only the hart uses them
    unsigned next;
    unsigned end;
  };

  static void begin_group(Numbers& numbers);
  static unsigned next_group();
  static void enter(int id);
  static void leave(int id);
  static std::uint32_t change_used(Group& group, int by);
  static void free(unsigned group);
  static unsigned group_with_slots(unsigned from);

  static inline constinit std::array<Group, groups> groups_{};
  static inline constinit std::array<Numbers, hal::max_harts> numbers_{};

  // Behind the lock: slots that begin to exist or cease to, and the members below. with_slots_ has
  // a bit for each group.
  static inline constinit async::LeafLock lock_;
  static inline constinit unsigned newest_ = groups - 1;  // the group that a hart has begun last
  static inline constinit std::array<async::SharedWord<std::uint64_t>, groups / 64> with_slots_{};
};

/// T has `int id() const`, which does not change while the object is in the table. The table owns
/// no objects. There is one table of each type.
template <class T>
class IdTable {
 public:
  void add(T& object) {
    IdSlots::add(object);
    size_.add(1);
  }
  void remove(T& object) {
    IdSlots::remove(object);
    size_.add(-1);
  }

  /// `id` may be any int. Null if no object has this number.
  T* find(int id) const {
    IdSlots::Slot* const slot = IdSlots::find(id);
    return slot != nullptr ? slot->of(static_cast<T*>(nullptr)) : nullptr;
  }

  /// How many objects there are. While the caller shares the strand, the number may be too large,
  /// by eight for each hart.
  std::size_t size() const { return async::Strand::is_held() ? size_.sum() : size_.total(); }

  /// All objects, in the order of their numbers. In the strand no object may be removed during the
  /// iteration. A caller that shares it may find objects that are removed meanwhile, and may miss
  /// new ones.
  class Iterator {
   public:
    explicit Iterator(T* object) : object_{object} {}
    T& operator*() const { return *object_; }
    Iterator& operator++() {
      object_ = IdSlots::at_or_after<T>(object_->id() + 1);
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    T* object_;
  };
  Iterator begin() const { return Iterator{IdSlots::at_or_after<T>(0)}; }
  Iterator end() const { return Iterator{nullptr}; }

 private:
  HartCount<4> size_;
};

}  // namespace kernel
