// mmap and munmap: the choice of addresses.
#include "spaces.h"

using namespace test;

TEST_CASE("a mapping without an address goes into the highest gap that fits") {
  test::Machine machine;
  auto space = make_space();
  const auto first = space->map({.bytes = 2 * page_size, .access = read_write});
  CHECK(*first == hal::user_end - 2 * page_size);
  const auto second = space->map({.bytes = page_size, .access = Access::read});
  CHECK(*second == *first - page_size);
  const auto third = space->map({.bytes = page_size, .access = read_write});
  CHECK(*third == *second - page_size);
  REQUIRE(space->unmap(*second, page_size));
  CHECK(*space->map({.bytes = 2 * page_size, .access = read_write}) == *third - 2 * page_size);
  CHECK(*space->map({.bytes = page_size, .access = Access::read}) == *second);
}

TEST_CASE("a hint is followed if its range is free, and otherwise ignored") {
  test::Machine machine;
  auto space = make_space();
  CHECK(*space->map({.address = here + 5, .bytes = 1, .access = Access::read}) == here);
  CHECK(*space->map({.address = here, .bytes = 1, .access = Access::read}) ==
        hal::user_end - page_size);
  CHECK(*space->map({.address = ~VirtAddr{0}, .bytes = 1, .access = Access::read}) ==
        hal::user_end - 2 * page_size);
}

TEST_CASE("a fixed mapping replaces areas and pages in its range") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 4 * page_size, read_write));
  for (int i = 0; i < 4; ++i) REQUIRE(store(*space, here + i * page_size, 5));
  REQUIRE(map_at(*space, here + page_size, 2 * page_size, Access::read));
  CHECK(load(*space, here) == 5);
  CHECK(load(*space, here + page_size) == 0);
  CHECK(load(*space, here + 2 * page_size) == 0);
  CHECK(load(*space, here + 3 * page_size) == 5);
  CHECK(space->areas().size() == 3);
}

TEST_CASE("a mapping with MAP_FIXED_NOREPLACE replaces nothing") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  MapRequest request = {.address = here,
                        .bytes = page_size,
                        .access = read_write,
                        .place = MapRequest::Place::if_free};
  CHECK(space->map(request).error() == Errno::eexist);
  request.address = here + page_size;
  CHECK(*space->map(request) == here + page_size);
}

TEST_CASE("invalid mappings are refused with Linux's errors") {
  test::Machine machine;
  auto space = make_space();
  CHECK(space->map({.bytes = 0}).error() == Errno::einval);
  CHECK(space->map({.bytes = ~std::size_t{0}}).error() == Errno::enomem);
  CHECK(space->map({.bytes = hal::user_end}).error() == Errno::enomem);
  CHECK(map_at(*space, here + 1, page_size, read_write).error() == Errno::einval);
  CHECK(map_at(*space, 0, page_size, read_write).error() == Errno::enomem);
  CHECK(map_at(*space, hal::user_end, page_size, read_write).error() == Errno::enomem);
  CHECK(map_at(*space, hal::user_end - page_size, 2 * page_size, read_write).error() ==
        Errno::enomem);
  CHECK(map_at(*space, 0xffff'ffff'ffff'f000, page_size, read_write).error() == Errno::enomem);
  CHECK(space->unmap(here + 1, page_size).error() == Errno::einval);
  CHECK(space->unmap(here, 0).error() == Errno::einval);
  CHECK(space->unmap(0xffff'ffc0'0000'0000, page_size).error() == Errno::einval);
  CHECK(space->protect(here + 1, page_size, Access::read).error() == Errno::einval);
  CHECK(space->protect(here, page_size, Access::read).error() == Errno::enomem);
  CHECK(space->protect(here, 0, Access::read));
}

TEST_CASE("each program has its own limit of areas") {
  test::Machine machine(32 << 20);
  auto space = make_space();
  std::size_t made = 0;
  while (map_at(*space, here + made * 2 * page_size, page_size, Access::read)) ++made;
  CHECK(made == 65'530);
  CHECK(space->unmap(here, page_size));
  REQUIRE(map_at(*space, here, page_size, Access::read));
  CHECK(make_space()->map({.bytes = page_size, .access = Access::read}));
}

TEST_CASE("one mapping cannot have more writable memory than the machine has") {
  test::Machine machine;
  auto space = make_space();
  CHECK(space->map({.bytes = 1 << 30, .access = read_write}).error() == Errno::enomem);
  CHECK(space->map({.bytes = 1 << 30, .access = Access::none}));
}

TEST_CASE("unmapping a range twice succeeds and changes nothing") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 3 * page_size, read_write));
  CHECK(space->unmap(here + page_size, page_size));
  CHECK(space->unmap(here + page_size, page_size));
  CHECK(space->areas().size() == 2);
  CHECK_FALSE(load(*space, here + page_size));
}

TEST_CASE("adjacent areas with the same attributes merge") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, read_write));
  CHECK(space->areas().size() == 2);
  REQUIRE(map_at(*space, here + page_size, page_size, read_write));
  CHECK(space->areas().size() == 1);
}
