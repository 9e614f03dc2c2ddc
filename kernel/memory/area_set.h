// The areas of one address space, ordered by address. Areas never overlap.
//
// The set is a treap (Seidel and Aragon, "Randomized search trees", 1996). It is ordered by
// `start`, and each parent has a higher rank than its children. Ranks are pseudo-random, so the
// expected depth is logarithmic for every sequence of calls. A linked list in address order
// connects the same objects.
//
// The gap of an area is the unmapped range between the area before it and the area itself. Each
// area has a bound, `gap_bound`: no gap in its subtree has more pages. So a search for a large gap
// skips the subtrees with small ones.
//   - A call that makes a gap larger raises the bounds of the area and its ancestors.
//   - A call that makes a gap smaller lowers no bound. A search that finds no gap in a subtree
//     lowers the bound of that subtree.
// Each call leaves bounds too high only on paths to one area and its neighbour. So on average over
// any sequence of calls, few bounds mislead a search, and it takes logarithmic time.
#pragma once

#include <algorithm>

#include "memory/area.h"

namespace kernel::memory {

class AreaSet {
 public:
  /// The most bytes that above_gap() searches for: 16 TiB.
  static constexpr std::size_t largest_search =
      hal::page_size * std::size_t{~decltype(Area::gap_bound){0}};

  /// The first area of the set will not start below `lowest`, a page address. TrackedObjects know
  /// the areas as those of `space`.
  explicit AreaSet(VirtAddr lowest, AddressSpace* space = nullptr)
      : lowest_{lowest}, space_{space} {}
  AreaSet(const AreaSet&) = delete;
  AreaSet& operator=(const AreaSet&) = delete;
  ~AreaSet();

  Area* first() const { return first_; }
  Area* last() const { return last_; }
  std::size_t size() const { return size_; }
  /// The bytes of all areas together.
  std::size_t bytes() const { return bytes_; }
  /// Whether an area maps a TrackedObject, and track() has been called for it.
  bool has_tracked() const { return tracked_ != 0; }

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

  /// The area with the highest gap of at least `bytes`, a multiple of the page size. Null if there
  /// is none, or if `bytes` is more than largest_search. The free range above the last area is not
  /// the gap of an area.
  Area* above_gap(std::size_t bytes);

  /// Adds the area [start, end), which overlaps no other. Extends a neighbour instead if their
  /// rights, backing and code agree. `before` is at_or_before(start).
  void insert(Area* before, VirtAddr start, VirtAddr end, Access access, Backing&& backing,
              AreaCode code = {});
  /// Makes this set, which is empty, a copy of `other`.
  void copy(const AreaSet& other);
  /// Lets the object of `area` know the area, if it is a TrackedObject. Call it after insert() and
  /// copy().
  void track(Area& area);
  void track_all();
  /// Removes all areas from the lists of the objects that they map. No program can reach the set
  /// any more.
  void untrack_all();
  /// Removes and destroys `area`.
  void erase(Area& area);
  /// Splits `area` at the address `at` inside it. Returns the upper part.
  Area& split(Area& area, VirtAddr at);
  /// Cuts off the part of `area` below the address `at` inside it.
  void drop_front(Area& area, VirtAddr at);
  /// Cuts off the part of `area` from the address `at` inside it on.
  void drop_back(Area& area, VirtAddr at);
  /// Merges `area` with the next one if they touch and agree. Returns whether it did.
  bool merge_with_next(Area& area);

 private:
  using GapBound = decltype(Area::gap_bound);
  static constexpr GapBound largest_bound = ~GapBound{0};
  /// Whether a gap may have more pages than a bound can say.
  static constexpr bool gaps_exceed_bounds = hal::user_bytes / hal::page_size > largest_bound;

  /// The pages of the gap below the area; the largest bound if there are more.
  std::size_t gap_pages(const Area& area) const {
    const VirtAddr end_below = area.previous != nullptr ? area.previous->end : lowest_;
    const std::size_t pages = (area.start - end_below) / hal::page_size;
    return gaps_exceed_bounds ? std::min<std::size_t>(pages, largest_bound) : pages;
  }
  void raise_bounds(Area* area);
  Area*& place_of(const Area& area);
  void link(Area& area, Area* before);
  void untrack(Area& area) {
    if (area.mapping != nullptr) [[unlikely]]
      remove_mapping(area);
  }
  void remove_mapping(Area& area);

  VirtAddr lowest_;
  AddressSpace* space_;
  Area* root_ = nullptr;
  Area* first_ = nullptr;
  Area* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::uint32_t next_rank_ = 1;
  std::uint32_t tracked_ = 0;  // areas with a mapping
};

}  // namespace kernel::memory
