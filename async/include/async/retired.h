// Retired objects: objects without owners, which harts that share the strand may still use
// (strand.h).
//
// Code that shares the strand uses the objects that it finds in tables, without a reference to
// them. So a hart that shares the strand and drops the last reference does not destroy the object:
// it retires it. A hart that enters the strand waits until no other hart shares it. From then on no
// hart uses the objects that were retired before, so the hart destroys those that it has retired.
//
//   hart 0  ──( finds ─── uses )──────────────────────────▶     ( ) shares the strand
//   hart 1  ────( removes, retires )──────[ destroys ··· ]──▶   [ ] in the strand
//
// Each hart has a list of its own, so retiring writes no common cache line. The hart enters the
// strand when its list is full, and before it idles.
#pragma once

#include <array>
#include <cstddef>

#include "async/strand.h"

namespace async {

class Retired {
 public:
  using Destroy = void (*)(void* object) noexcept;
  /// When a hart has retired so many objects, it enters the strand as soon as it ends the sharing.
  static constexpr std::size_t limit = 11;
  /// The most objects that it may retire while it shares the strand once.
  static constexpr std::size_t most_at_once = 4;

  /// Retires `object`. The hart calls `destroy` in the strand, when it enters that next. No code
  /// can find the object any more, except code that shares the strand now. The caller shares the
  /// strand. `at_once`: the hart enters the strand as soon as it ends the sharing, because the
  /// destruction has effects.
  static void add(void* object, Destroy destroy, bool at_once) noexcept;
  /// The same for an object that `delete` destroys.
  template <class T>
  static void add(T* object, bool at_once) noexcept {
    add(object, [](void* retired) noexcept { delete static_cast<T*>(retired); }, at_once);
  }
  /// Makes this hart enter the strand, and destroy what it has retired, as soon as it ends the
  /// sharing. The caller shares the strand.
  static void destroy_soon() noexcept;

 private:
  friend class Strand;

  struct Entry {
    void* object;
    Destroy destroy;
  };
  struct alignas(64) List {
    std::size_t count;
    std::array<Entry, limit - 1 + most_at_once> entries;
  };

  /// In the strand: destroys the objects that this hart has retired.
  static void destroy_all() noexcept;

  static inline constinit std::array<List, platform::max_harts> lists_{};
};

}  // namespace async
