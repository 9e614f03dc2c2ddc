// The areas of one address space, ordered by address. Areas never overlap.
//
// The set is a treap (Seidel and Aragon, "Randomized search trees", 1996). It is ordered by
// `start`, and each parent has a higher rank than its children. Ranks are pseudo-random, so the
// expected depth is logarithmic for every sequence of calls. A linked list in address order
// connects the same objects.
#pragma once

#include "memory/area.h"

namespace kernel::memory {

class AreaSet {
 public:
  AreaSet() = default;
  AreaSet(const AreaSet&) = delete;
  AreaSet& operator=(const AreaSet&) = delete;
  ~AreaSet();

  Area* first() const { return first_; }
  Area* last() const { return last_; }
  std::size_t size() const { return size_; }

  /// The last area that starts at or below `va`. It may end before `va`. Null if there is none.
  Area* at_or_before(VirtAddr va) const;
  /// The area that contains `va`, or null.
  Area* find(VirtAddr va) const {
    Area* area = at_or_before(va);
    return area != nullptr && va < area->end ? area : nullptr;
  }
  /// The first area that ends after `va`, or null.
  Area* first_after(VirtAddr va) const {
    Area* area = at_or_before(va);
    if (area == nullptr) return first_;
    return va < area->end ? area : area->next;
  }

  /// Adds the area [start, end), which overlaps no other. Extends a neighbour instead if their
  /// rights, backing and code agree. `before` is at_or_before(start).
  void insert(Area* before, VirtAddr start, VirtAddr end, Access access, Backing&& backing,
              AreaCode code = {});
  /// Adds a copy of `area`, which lies above all areas of this set.
  void append(const Area& area);
  /// Removes and destroys `area`.
  void erase(Area& area);
  /// Splits `area` at the address `at` inside it. Returns the upper part.
  Area& split(Area& area, VirtAddr at);
  /// Cuts off the part of `area` below the address `at` inside it.
  void drop_front(Area& area, VirtAddr at);
  /// Merges `area` with the next one if they touch and agree. Returns whether it did.
  bool merge_with_next(Area& area);

 private:
  void link(Area& area, Area* before);

  Area* root_ = nullptr;
  Area* first_ = nullptr;
  Area* last_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t next_rank_ = 1;
};

}  // namespace kernel::memory
