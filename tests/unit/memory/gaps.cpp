// The search for a free range: the gaps of an AreaSet, and the addresses that mmap chooses. Both
// are compared with searches that look at every area.
#include <algorithm>
#include <catch2/generators/catch_generators_range.hpp>
#include <iterator>
#include <map>

#include "memory/area_set.h"
#include "spaces.h"

using namespace test;
using kernel::memory::Area;
using kernel::memory::AreaSet;

namespace {

constexpr VirtAddr start_of_space = page_size;

std::size_t gap_of(const Area& area) {
  return area.start - (area.previous != nullptr ? area.previous->end : start_of_space);
}

/// Whether the links, ranks and bounds of `area`, a child of `parent`, are as they should be.
bool is_valid(const Area& area, const Area* parent) {
  bool valid = area.parent == parent && area.gap_bound >= gap_of(area) / page_size;
  if (area.left != nullptr) valid &= area.left->start < area.start;
  if (area.right != nullptr) valid &= area.right->start > area.start;
  if (parent != nullptr) valid &= area.rank <= parent->rank && area.gap_bound <= parent->gap_bound;
  return valid;
}

/// The number of areas in a tree, without the subtrees of invalid ones.
std::size_t count_valid(const Area* area, const Area* parent) {
  if (area == nullptr || !is_valid(*area, parent)) return 0;
  return 1 + count_valid(area->left, area) + count_valid(area->right, area);
}

void check_set(const AreaSet& set) {
  const Area* root = set.first();
  while (root != nullptr && root->parent != nullptr) root = root->parent;
  REQUIRE(count_valid(root, nullptr) == set.size());
  std::size_t bytes = 0;
  for (const Area* area = set.first(); area != nullptr; area = area->next) bytes += area->bytes();
  REQUIRE(bytes == set.bytes());
}

const Area* above_gap_by_looking_at_all(const AreaSet& set, std::size_t bytes) {
  const Area* area = set.last();
  while (area != nullptr && gap_of(*area) < bytes) area = area->previous;
  return area;
}

/// Changes a set at random. All its areas lie in the first pages of the address space.
class Changes {
 public:
  explicit Changes(std::uint64_t seed) : random_{seed} {}

  void step() {
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2: add_in_gap(); break;
      case 3: add_above(); break;
      case 4:
        if (Area* area = some_area()) set_.erase(*area);
        break;
      default: cut(); break;
    }
    check_set(set_);
    const std::size_t bytes = some_bytes();
    REQUIRE(set_.above_gap(bytes) == above_gap_by_looking_at_all(set_, bytes));
    check_set(set_);
    if (random_.below(16) == 0) check_copy();
  }

 private:
  std::size_t some_bytes() { return (1 + random_.below(1 << random_.below(8))) * page_size; }
  Access some_access() { return random_.below(2) == 0 ? Access::read : read_write; }

  void check_copy() {
    AreaSet copy{start_of_space};
    copy.copy(set_);
    check_set(copy);
    const Area* original = set_.first();
    for (const Area* area = copy.first(); area != nullptr; area = area->next) {
      REQUIRE(area->start == original->start);
      REQUIRE(area->end == original->end);
      original = original->next;
    }
    REQUIRE(original == nullptr);
    const std::size_t bytes = some_bytes();
    REQUIRE(copy.above_gap(bytes) == above_gap_by_looking_at_all(copy, bytes));
  }
  Area* some_area() {
    Area* area = set_.first();
    for (std::size_t left = random_.below(set_.size() + 1); area != nullptr && left != 0; --left) {
      area = area->next;
    }
    return area;
  }
  void add_in_gap() {
    const std::size_t bytes = some_bytes();
    Area* const above = set_.above_gap(bytes);
    if (above == nullptr) return;
    const std::size_t room = gap_of(*above) - bytes;
    const VirtAddr start = above->start - bytes - random_.below(room / page_size + 1) * page_size;
    set_.insert(above->previous, start, start + bytes, some_access(), {});
  }
  void add_above() {
    if (set_.size() > 100) return;
    const VirtAddr end = set_.last() != nullptr ? set_.last()->end : start_of_space;
    const VirtAddr start = end + random_.below(40) * page_size;
    set_.insert(set_.last(), start, start + some_bytes(), some_access(), {});
  }
  void cut() {
    Area* const area = some_area();
    if (area == nullptr || area->bytes() == page_size) return;
    const VirtAddr at =
        area->start + (1 + random_.below(area->bytes() / page_size - 1)) * page_size;
    switch (random_.below(4)) {
      case 0: set_.drop_front(*area, at); break;
      case 1: set_.drop_back(*area, at); break;
      case 2: set_.split(*area, at).access = some_access(); break;
      case 3:
        set_.split(*area, at);
        REQUIRE(set_.merge_with_next(*area));
        break;
    }
  }

  Random random_;
  AreaSet set_{start_of_space};
};

/// The areas of a space.
class TakenRanges {
 public:
  void take(VirtAddr start, std::size_t bytes) { areas_[start] = start + bytes; }
  void release(VirtAddr start) { areas_.erase(start); }
  std::size_t size() const { return areas_.size(); }
  auto at(std::size_t index) const { return *std::next(areas_.begin(), static_cast<long>(index)); }

  /// The start of the highest free range of `bytes`; 0 if there is none.
  VirtAddr highest(std::size_t bytes) const {
    VirtAddr end = hal::user_end;
    for (auto area = areas_.rbegin(); area != areas_.rend(); ++area) {
      if (end - area->second >= bytes) return end - bytes;
      end = area->first;
    }
    return end - hal::user_begin >= bytes ? end - bytes : 0;
  }

 private:
  std::map<VirtAddr, VirtAddr> areas_;
};

}  // namespace

TEST_CASE("after every change the bounds hold, and the search finds the highest gap that fits") {
  test::Machine machine;
  const auto seed = GENERATE(range(1, 7));
  CAPTURE(seed);
  Changes changes(static_cast<std::uint64_t>(seed));
  for (int step = 0; step < 2'000; ++step) changes.step();
}

TEST_CASE("mmap of random sizes chooses the highest free range that fits") {
  test::Machine machine;
  const auto seed = GENERATE(range(1, 5));
  CAPTURE(seed);
  Random random(static_cast<std::uint64_t>(seed));
  auto space = make_space();
  TakenRanges taken;
  // The areas leave only the highest 2 MiB free. So the kernel must refuse some requests.
  const VirtAddr bottom = hal::user_end - (2 << 20);
  REQUIRE(map_at(*space, hal::user_begin, bottom - hal::user_begin, Access::read));
  taken.take(hal::user_begin, bottom - hal::user_begin);
  for (int step = 0; step < 5'000; ++step) {
    if (random.below(5) < 3) {
      const std::size_t bytes = (1 + random.below(1 << random.below(6))) * page_size;
      const Access access = random.below(2) == 0 ? Access::read : read_write;
      const auto start = space->map({.bytes = bytes, .access = access});
      const VirtAddr expected = taken.highest(bytes);
      REQUIRE(start.has_value() == (expected != 0));
      if (!start) continue;
      REQUIRE(*start == expected);
      taken.take(*start, bytes);
    } else if (taken.size() > 1) {
      const auto [start, end] = taken.at(1 + random.below(taken.size() - 1));
      REQUIRE(space->unmap(start, end - start));
      taken.release(start);
    }
  }
}

TEST_CASE("a limit of the mapped bytes counts all areas") {
  test::Machine machine;
  auto space = make_space();
  const auto map = [&](std::size_t pages) {
    return space->map(
        {.bytes = pages * page_size, .access = read_write, .most_bytes = 10 * page_size});
  };
  const auto first = map(8);
  REQUIRE(first);
  CHECK(map(3).error() == Errno::enomem);
  REQUIRE(space->unmap(*first + page_size, page_size));
  REQUIRE(space->unmap(*first, page_size));
  REQUIRE(map(3));
  REQUIRE(space->unmap(*first + 7 * page_size, page_size));
  CHECK(map(3).error() == Errno::enomem);
  CHECK(map(2));
  CHECK(space->areas().bytes() == 10 * page_size);
}
