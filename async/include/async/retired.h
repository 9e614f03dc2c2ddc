// Retired objects: objects without owners, which harts that share the strand may still use
// (strand.h).
//
// Code that shares the strand uses the objects that it finds in tables, without a reference to
// them. So a hart that shares the strand and drops the last reference does not destroy the object:
// it retires it. It destroys the object when every other hart has ended the sharing that it was in,
// because a hart that shares the strand later does not find the object any more. This time is the
// grace period of the object (as in RCU). No hart waits for its end, and the hart destroys the
// object while it shares the strand again.
//
//   hart 0  ──( finds ─── uses )───────( finds nothing )──────────▶     ( ) shares the strand
//   hart 1  ────( removes, retires )──────────( destroys ··· )────▶
//
// There is a common number, the *epoch* (epoch-based reclamation: Fraser, Practical lock-freedom,
// 2004). A hart that shares the strand shows the epoch that it has found (StrandSharer). After each
// `batch` of retired objects a hart notes the epoch. Their grace period is over when each other
// hart does not share the strand, or shows a later epoch. If a hart still shows the noted epoch,
// the retiring hart increments the common number, so that later sharings show a later one. So the
// harts write the common number once in a grace period, and not in each sharing. A hart in the
// strand knows that no hart shares it, so all of its grace periods are over.
//
// The hart enters the strand for its objects only if it keeps more than `most_kept` after a
// sharing, and before it idles if some grace period is not over yet. It also does so for objects
// that need the strand for their destruction (add_for_strand).
//
// Each hart has lists of its own, so retiring writes no common cache line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "async/strand.h"

namespace async {

class Retired {
 public:
  using Destroy = void (*)(void* object) noexcept;
  /// The hart looks for ended grace periods at the end of the sharing in which it has retired this
  /// many objects since it has last looked.
  static constexpr std::size_t batch = 16;
  /// The most objects that it may retire while it shares the strand once: a call retires at most 64
  /// pages (AddressSpace::most_bytes_sharing), their tables, and a few others.
  static constexpr std::size_t most_at_once = 76;
  /// If it has more at the end of the sharing, it enters the strand.
  static constexpr std::size_t most_kept = 116;

  /// Retires `object`. The hart calls `destroy` after the grace period, in the strand or while it
  /// shares it. `destroy` may retire one other object, so the list does not grow. No code can find
  /// the object any more, except code that shares the strand now. The caller shares the strand.
  static void add(void* object, Destroy destroy) noexcept;
  /// The same for an object that `delete` destroys.
  template <class T>
  static void add(T* object) noexcept {
    add(object, delete_object<T>);
  }

  // Objects that a hart may destroy only in the strand are in a list of their own.

  /// When a hart's list has so many objects, the hart enters the strand as soon as it ends the
  /// sharing.
  static constexpr std::size_t limit_for_strand = 11;
  /// The most objects of this kind that a hart may retire while it shares the strand once.
  static constexpr std::size_t most_at_once_for_strand = 8;

  /// Like add(), but the hart calls `destroy` when it enters the strand next. `at_once`: it enters
  /// the strand as soon as it ends the sharing, because the destruction has effects, such as a
  /// wake.
  static void add_for_strand(void* object, Destroy destroy, bool at_once) noexcept;
  template <class T>
  static void add_for_strand(T* object, bool at_once) noexcept {
    add_for_strand(object, delete_object<T>, at_once);
  }

  // Call these only while several harts run.

  /// Destroys those objects of this hart whose grace period is over. Call it outside the strand,
  /// and not while the hart shares it. Local::has_retired is true afterwards if something is left.
  [[gnu::noinline]] static void destroy_some() noexcept;
  /// In the strand: destroys all objects that this hart has retired by add().
  static void destroy_own() noexcept;
  /// In the strand: destroys the objects of all harts that were passed to add().
  static void destroy_all() noexcept;
  /// In the strand: destroys those objects of all harts that were added with this `destroy`.
  static void destroy_all_by(Destroy destroy) noexcept;

  /// For tests: empties all lists, and destroys nothing.
  static void reset() noexcept;

 private:
  friend class Strand;

  struct Entry {
    void* object;
    Destroy destroy;
  };
  /// The objects of add(), in the order in which they were retired.
  struct List {
    static constexpr std::size_t capacity = most_kept + most_at_once;

    std::uint32_t first;  // index of the first one; the list is a ring
    std::uint32_t count;
    // The first `ended` objects may be destroyed. If `ended` is 0, the first `waiting` objects wait
    // for the end of the grace period that began in `epoch`.
    std::uint32_t ended;
    std::uint32_t waiting;
    std::uint32_t looked;  // `count` when the hart has last looked for ended grace periods
    std::uint64_t epoch;
    std::array<Entry, capacity> entries;
  };
  struct ListForStrand {
    std::size_t count;
    std::array<Entry, limit_for_strand - 1 + most_at_once_for_strand> entries;
  };
  struct alignas(64) Lists {
    List list;
    ListForStrand for_strand;
  };
  // The bits of Local::must_destroy.
  static constexpr std::uint8_t sharing = 1;
  static constexpr std::uint8_t in_strand = 2;

  static Lists& own() noexcept { return lists_[platform::hart()]; }
  template <class T>
  static void delete_object(void* retired) noexcept {
    delete static_cast<T*>(retired);
  }
  [[gnu::noinline]] static void destroy_first(List& list, std::size_t count) noexcept;
  static void begin_grace_period(List& list) noexcept;
  static bool is_grace_period_over(const List& list) noexcept;
  static void note_left() noexcept;
  /// Called after the hart has entered the strand: destroys the objects of add_for_strand(), and
  /// marks those of add() as ended.
  static void end_grace_period() noexcept;
  /// The hart has ended a sharing, and must_destroy is not 0.
  static void after_sharing() noexcept;

  static inline constinit std::array<Lists, platform::max_harts> lists_{};
};

}  // namespace async
