// Compares the ordered set of areas with a std::map.
#include "memory/area_set.h"

#include <catch2/catch_test_macros.hpp>
#include <map>

#include "machine.h"

using hal::Access;
using hal::page_size;
using hal::VirtAddr;
using kernel::memory::Area;
using kernel::memory::AreaSet;
using kernel::memory::Backing;

namespace {

constexpr VirtAddr lowest = page_size;

Area& insert(AreaSet& set, VirtAddr start, VirtAddr end, Access access, Backing backing = {}) {
  set.insert(set.at_or_before(start), start, end, access, std::move(backing));
  return *set.find(start);
}

}  // namespace

TEST_CASE("areas are found by any address inside them") {
  AreaSet set{lowest};
  insert(set, 0x3000, 0x5000, Access::read);
  insert(set, 0x8000, 0x9000, Access::read);
  CHECK(set.find(0x2fff) == nullptr);
  CHECK(set.find(0x3000) == set.first());
  CHECK(set.find(0x4fff) == set.first());
  CHECK(set.find(0x5000) == nullptr);
  CHECK(set.first_after(0x0)->start == 0x3000);
  CHECK(set.first_after(0x4fff)->start == 0x3000);
  CHECK(set.first_after(0x5000)->start == 0x8000);
  CHECK(set.first_after(0x9000) == nullptr);
}

TEST_CASE("a split file area continues at the cut, and its parts merge again") {
  std::array<std::byte, 10'000> file{};
  AreaSet set{lowest};
  Area& lower = insert(set, 0x10000, 0x14000, Access::read, Backing::of_file(file));
  Area& upper = set.split(lower, 0x12000);
  CHECK(upper.backing.file.data() == file.data() + 0x2000);
  CHECK(upper.backing.file.size() == file.size() - 0x2000);
  CHECK(set.size() == 2);
  CHECK(set.merge_with_next(lower));
  CHECK(set.size() == 1);
  CHECK(lower.end == 0x14000);
}

TEST_CASE("areas merge only where rights and backing agree") {
  std::array<std::byte, 4096> file{};
  AreaSet set{lowest};
  Area& first = insert(set, 0x1000, 0x2000, Access::read);
  Area& second = insert(set, 0x2000, 0x3000, Access::read | Access::write);
  Area& third = insert(set, 0x3000, 0x4000, Access::read | Access::write, Backing::of_file(file));
  insert(set, 0x5000, 0x6000, Access::read | Access::write, Backing::of_file(file));
  CHECK_FALSE(set.merge_with_next(first));
  CHECK_FALSE(set.merge_with_next(second));
  CHECK_FALSE(set.merge_with_next(third));
}

TEST_CASE("parts of a file or of shared pages merge only if they are adjacent in it") {
  std::array<std::byte, 4 * page_size> file{};
  const std::span<const std::byte> whole = file;
  AreaSet set{lowest};
  insert(set, 0x1000, 0x2000, Access::read, Backing::of_file(whole));
  insert(set, 0x2000, 0x3000, Access::read, Backing::of_file(whole.subspan(page_size, 100)));
  CHECK(set.size() == 2);  // not merged: the second part has only 100 bytes of the file
  insert(set, 0x3000, 0x4000, Access::read, Backing::of_file(whole.subspan(page_size)));
  CHECK(set.size() == 3);

  auto pages = kernel::make_ref<kernel::memory::SharedPages>(8);
  const auto shared = [&](std::size_t first_page) {
    return Backing{.object = pages, .first_page = first_page, .kind = Backing::Kind::shared};
  };
  insert(set, 0x10000, 0x12000, Access::read, shared(0));
  insert(set, 0x12000, 0x13000, Access::read, shared(3));
  CHECK(set.size() == 5);
  insert(set, 0x13000, 0x14000, Access::read, shared(4));
  CHECK(set.size() == 5);
}

TEST_CASE("a new area that continues a neighbour extends the neighbour") {
  AreaSet set{lowest};
  Area& first = insert(set, 0x4000, 0x5000, Access::read);
  CHECK(&insert(set, 0x5000, 0x6000, Access::read) == &first);
  CHECK(&insert(set, 0x3000, 0x4000, Access::read) == &first);
  insert(set, 0x8000, 0x9000, Access::read);
  CHECK(&insert(set, 0x6000, 0x8000, Access::read) == &first);
  CHECK(set.size() == 1);
  CHECK(first.start == 0x3000);
  CHECK(first.end == 0x9000);
}

TEST_CASE("a thousand random insertions and removals agree with a map") {
  AreaSet set{lowest};
  std::map<VirtAddr, VirtAddr> model;
  test::Random random(11);
  for (int step = 0; step < 20'000; ++step) {
    const VirtAddr start = (1 + random.below(4000)) * page_size * 8;  // never adjacent
    if (random.below(2) == 0) {
      if (!model.contains(start)) {
        const VirtAddr end = start + (1 + random.below(4)) * page_size;
        model[start] = end;
        insert(set, start, end, Access::read);
      }
    } else if (Area* area = set.find(start)) {
      REQUIRE(model.erase(area->start) == 1);
      set.erase(*area);
    } else {
      REQUIRE_FALSE(model.contains(start));
    }
  }
  CHECK(set.size() == model.size());
  const Area* area = set.first();
  const Area* previous = nullptr;
  for (const auto& [start, end] : model) {
    REQUIRE(area != nullptr);
    CHECK(area->start == start);
    CHECK(area->end == end);
    CHECK(area->previous == previous);
    CHECK(set.find(start) == area);
    previous = area;
    area = area->next;
  }
  CHECK(area == nullptr);
  CHECK(set.last() == previous);
}
