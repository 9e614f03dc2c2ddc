// Ranges of memory, and where in them a boot archive may be.
#include "archive_place.h"

#include <catch2/catch_test_macros.hpp>

#include <array>

#include "memory_ranges.h"

namespace {

using hal::MemoryRange;

constexpr std::array joined{MemoryRange{0x1000, 0x7000}, MemoryRange{0x1'0000, 0x1000}};
constexpr std::array taken{MemoryRange{0x2000, 0x1000}, MemoryRange{0x7000, 0}};

std::string_view trouble(std::uintptr_t base, std::size_t size) {
  return hal::trouble_with_archive({base, size}, joined, taken);
}

}  // namespace

TEST_CASE("ranges of memory that overlap or are adjacent become one") {
  std::array ranges{MemoryRange{0x9000, 0x1000}, MemoryRange{0x4000, 0x2000},
                    MemoryRange{0x1000, 0x2000}, MemoryRange{0x5000, 0x800},
                    MemoryRange{0x2000, 0x2000}, MemoryRange{0x8000, 0}};
  REQUIRE(hal::join_ranges(ranges) == 2);
  CHECK(ranges[0].base == 0x1000);
  CHECK(ranges[0].end() == 0x6000);
  CHECK(ranges[1].base == 0x9000);
  CHECK(ranges[1].end() == 0xa000);
  CHECK(hal::join_ranges({}) == 0);
}

TEST_CASE("a boot archive may be anywhere in memory that nothing else uses") {
  CHECK(trouble(0x1000, 0x1000).empty());
  CHECK(trouble(0x3000, 0x5000).empty());
  CHECK(trouble(0x1'0000, 0x1000).empty());
}

TEST_CASE("a boot archive that overlaps the kernel is refused") {
  constexpr std::string_view overlaps = "it overlaps the kernel";
  CHECK(trouble(0x1fff, 2) == overlaps);
  CHECK(trouble(0x2fff, 1) == overlaps);
  CHECK(trouble(0x1000, 0x7000) == overlaps);
  CHECK(trouble(0x2100, 0x100) == overlaps);
}

TEST_CASE("a boot archive outside of memory is refused") {
  constexpr std::string_view outside = "it is not in the machine's memory";
  CHECK(trouble(0xfff, 2) == outside);
  CHECK(trouble(0x7fff, 2) == outside);
  CHECK(trouble(0x9000, 1) == outside);
  CHECK(trouble(0x1'0000, 0x1001) == outside);
  CHECK(trouble(~std::uintptr_t{0}, 2) == "it ends behind the last address");
}
