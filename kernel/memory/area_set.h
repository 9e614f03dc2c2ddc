// The areas of one address space, ordered by address, never overlapping.
//
// A treap (Seidel and Aragon, "Randomized search trees", 1996): ordered by `start`, and every
// parent outranks its children; ranks are pseudo-random, so depth is logarithmic whatever a program
// does. A linked list in address order runs through the same objects for everything that walks.
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

  /// The area with the greatest start that is at most `va`, whether it reaches `va` or not.
  Area* at_or_before(VirtAddr va) const;
  /// The area that contains `va`.
  Area* find(VirtAddr va) const {
    Area* area = at_or_before(va);
    return area != nullptr && va < area->end ? area : nullptr;
  }
  /// The first area that ends after `va`.
  Area* first_after(VirtAddr va) const {
    Area* area = at_or_before(va);
    if (area == nullptr) return first_;
    return va < area->end ? area : area->next;
  }

  /// Makes an area in a range where there is none, or lets a neighbour that agrees grow over it.
  /// `before` is at_or_before(start).
  void insert(Area* before, VirtAddr start, VirtAddr end, Access access, Backing&& backing,
              Code code = Code::unseen, std::uint16_t first_instruction_offset = 0);
  /// Adds a copy of an area that lies behind all others.
  void append(const Area& area);
  /// Takes an area out and destroys it.
  void erase(Area& area);
  /// Cuts an area in two at `at`, inside it; returns the upper part.
  Area& split(Area& area, VirtAddr at);
  /// Lets an area begin at `at`, inside it.
  void drop_front(Area& area, VirtAddr at);
  /// Makes one of `area` and the next where they touch and agree; true if it did.
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
