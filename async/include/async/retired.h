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
// 2004). A hart that shares the strand shows the epoch that it has found (StrandSharer). The hart
// that retires objects collects some, and then notes the epoch. Their grace period is over when
// each other hart either does not share the strand or shows a later epoch. If a hart still shows
// the noted one, the retiring hart increments the epoch. So the harts write the common number once
// in a grace period, and not in each sharing. A hart that enters the strand waits until no other
// hart shares it. So that ends the grace period of all objects that it has retired, too.
//
// The hart enters the strand for its objects only if its list is full, and before it idles if some
// grace period is not over yet. It also does so for objects that need the strand for their
// destruction (add_for_strand).
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
  /// When a hart has retired so many objects, it looks for ended grace periods as soon as it ends
  /// the sharing, and after as many again.
  static constexpr std::size_t batch = 16;
  /// The most objects that it may retire while it shares the strand once.
  static constexpr std::size_t most_at_once = 76;
  /// The most objects that it keeps when it has ended the sharing.
  static constexpr std::size_t most_kept = 116;

  /// Retires `object`. The hart calls `destroy` after the grace period, in the strand or while it
  /// shares it. The function may retire one other object. No code can find the object any more,
  /// except code that shares the strand now. The caller shares the strand.
  static void add(void* object, Destroy destroy) noexcept;
  /// The same for an object that `delete` destroys.
  template <class T>
  static void add(T* object) noexcept {
    add(object, delete_object<T>);
  }

  // Objects whose destruction needs the strand.

  /// When a hart has retired so many of them, it enters the strand as soon as it ends the sharing.
  static constexpr std::size_t limit_for_strand = 11;
  /// The most that it may retire while it shares the strand once.
  static constexpr std::size_t most_at_once_for_strand = 4;

  /// Like add(), but the hart calls `destroy` in the strand, when it enters that next. `at_once`:
  /// it does so as soon as it ends the sharing, because the destruction has effects.
  static void add_for_strand(void* object, Destroy destroy, bool at_once) noexcept;
  template <class T>
  static void add_for_strand(T* object, bool at_once) noexcept {
    add_for_strand(object, delete_object<T>, at_once);
  }

  // Several harts run.

  /// Destroys what this hart has retired and whose grace period is over. The hart neither is in the
  /// strand nor shares it. Local::has_retired is true afterwards if something is left.
  [[gnu::noinline]] static void destroy_some() noexcept;
  /// The hart is in the strand: destroys all that it has retired.
  static void destroy_own() noexcept;
  /// The hart is in the strand: destroys all that any hart has retired by add().
  static void destroy_all() noexcept;
  /// The same for the objects that `destroy` destroys.
  static void destroy_all_by(Destroy destroy) noexcept;

  /// For tests that begin anew: no hart has retired objects.
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
    // The grace period of the first `ended` objects is over. If there are none, that of the first
    // `waiting` ones began in `epoch`.
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
  /// The hart has entered the strand.
  static void end_grace_period() noexcept;
  /// The hart has ended a sharing, and must_destroy is not 0.
  static void after_sharing() noexcept;

  static inline constinit std::array<Lists, platform::max_harts> lists_{};
};

}  // namespace async
