// mprotect, madvise and brk.
#include "spaces.h"

using namespace test;

TEST_CASE("contents survive when rights are removed and restored") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 3 * page_size, read_write));
  REQUIRE(store(*space, here + page_size, 33));
  REQUIRE(space->protect(here + page_size, page_size, Access::none));
  CHECK(space->areas().size() == 3);
  CHECK_FALSE(load(*space, here + page_size));
  CHECK(refusal() == Errno::eacces);
  REQUIRE(space->protect(here + page_size, page_size, Access::read));
  CHECK(load(*space, here + page_size) == 33);
  CHECK_FALSE(store(*space, here + page_size, 34));
  REQUIRE(space->protect(here + page_size, page_size, read_write));
  CHECK(space->areas().size() == 1);
  CHECK(store(*space, here + page_size, 34));
}

TEST_CASE("mprotect over a gap changes the pages before the gap and returns ENOMEM") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, read_write));
  CHECK(space->protect(here, 3 * page_size, Access::read).error() == Errno::enomem);
  CHECK_FALSE(store(*space, here, 1));
  CHECK(store(*space, here + 2 * page_size, 1));
}

TEST_CASE("discarded private pages start again from their first contents") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 2 * page_size, read_write));
  REQUIRE(store(*space, here, 1));
  REQUIRE(space->discard(here, page_size));
  CHECK(space->resident() == 0);
  CHECK(load(*space, here) == 0);
  CHECK(space->discard(here, 3 * page_size).error() == Errno::enomem);
  CHECK(space->discard(here + 1, page_size).error() == Errno::einval);
}

TEST_CASE("removing a page flushes that page, removing a page table flushes the whole space") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 2 * page_size, read_write));
  REQUIRE(store(*space, here, 1));
  REQUIRE(store(*space, here + page_size, 1));
  hal::fake::hart().page_flushes = hal::fake::hart().space_flushes = 0;
  REQUIRE(space->unmap(here, page_size));
  CHECK(hal::fake::hart().page_flushes == 1);
  CHECK(hal::fake::hart().space_flushes == 0);
  REQUIRE(space->unmap(here + page_size, page_size));
  CHECK(hal::fake::hart().space_flushes == 1);
}

TEST_CASE("the KernelTlb forgets a page whose mapping changes") {
  test::Machine machine;
  auto space = make_space();
  const auto map_and_find = [&] {
    REQUIRE(map_at(*space, here, 2 * page_size, read_write));
    REQUIRE(store_by_kernel(*space, here, 1));
    REQUIRE(load_by_kernel(*space, here) == 1);
    REQUIRE(space->translate(here, Access::read) != nullptr);
    REQUIRE(space->translate(here, Access::write) != nullptr);
  };
  map_and_find();
  SECTION("unmapped") {
    REQUIRE(space->unmap(here, page_size));
    CHECK_FALSE(load_by_kernel(*space, here));
  }
  SECTION("unmapped with others, so that the whole space is flushed") {
    REQUIRE(space->unmap(here, 2 * page_size));
    CHECK_FALSE(load_by_kernel(*space, here));
  }
  SECTION("mapped again") {
    REQUIRE(map_at(*space, here, page_size, read_write));
    CHECK(load_by_kernel(*space, here) == 0);
  }
  SECTION("discarded") {
    REQUIRE(space->discard(here, page_size));
    CHECK(load_by_kernel(*space, here) == 0);
  }
  SECTION("made read-only") {
    REQUIRE(space->protect(here, page_size, Access::read));
    CHECK_FALSE(store_by_kernel(*space, here, 2));
    CHECK(load_by_kernel(*space, here) == 1);
  }
  SECTION("made unreadable") {
    REQUIRE(space->protect(here, page_size, Access::none));
    CHECK_FALSE(load_by_kernel(*space, here));
  }
  SECTION("inherited: a write gives the writer another page") {
    const auto child = *space->fork();
    REQUIRE(store_by_kernel(*space, here, 2));
    CHECK(load_by_kernel(*space, here) == 2);
    CHECK(load_by_kernel(*child, here) == 1);
    REQUIRE(load_by_kernel(*space, here) == 2);
  }
  CHECK(space->translate(here + page_size, Access::write) == nullptr);
}

TEST_CASE("the heap grows and shrinks by bytes, and new bytes are zero") {
  test::Machine machine;
  auto space = make_space();
  space->set_break_start(here + 1);
  const VirtAddr start = here + page_size;
  CHECK(space->set_break(0) == start);
  CHECK(space->set_break(start + 100) == start + 100);
  CHECK(store(*space, start + 99, 5));
  CHECK(space->set_break(start + 3 * page_size) == start + 3 * page_size);
  CHECK(store(*space, start + 3 * page_size - 1, 5));
  CHECK(space->areas().size() == 1);
  CHECK(space->set_break(start + page_size) == start + page_size);
  CHECK_FALSE(load(*space, start + page_size));
  CHECK(space->set_break(start + 3 * page_size) == start + 3 * page_size);
  CHECK(load(*space, start + 3 * page_size - 1) == 0);
}

TEST_CASE("the heap does not grow into another area") {
  test::Machine machine;
  auto space = make_space();
  space->set_break_start(here);
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, Access::read));
  CHECK(space->set_break(here + 2 * page_size) == here + 2 * page_size);
  CHECK(space->set_break(here + 2 * page_size + 1) == here + 2 * page_size);
  CHECK(space->set_break(hal::user_end + 1) == here + 2 * page_size);
  CHECK(space->set_break(here - 1) == here + 2 * page_size);
}
