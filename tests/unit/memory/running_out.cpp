// Running out of memory, and of ASIDs.
#include "spaces.h"

using namespace test;

TEST_CASE("a fork without enough memory fails and leaves nothing behind") {
  test::Machine machine(4 << 20);
  auto parent = make_space();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(map_at(*parent, here + i * (VirtAddr{1} << 30), page_size, read_write));
    REQUIRE(store(*parent, here + i * (VirtAddr{1} << 30), 1));
  }
  std::vector<hal::PhysAddr> taken;
  while (frames.free_count() > 20) taken.push_back(frames.allocate(kernel::memory::Use::kernel));
  kernel::memory::frames.grow_reserve(0);
  CHECK(parent->fork().error() == Errno::enomem);
  CHECK(frames.free_count() >= 18);  // the heap may keep two pages
  for (const hal::PhysAddr frame : taken) frames.drop(frame);
  for (int i = 0; i < 20; ++i) CHECK(store(*parent, here + i * (VirtAddr{1} << 30), 2));
}

TEST_CASE("a program that uses up all memory gets ENOMEM, and the reserve remains") {
  test::Machine machine(4 << 20);
  frames.grow_reserve(50 * page_size);
  {
    auto space = make_space();
    REQUIRE(map_at(*space, here, 4 << 20, Access::none));
    REQUIRE(space->protect(here, 4 << 20, read_write));
    std::size_t touched = 0;
    while (store(*space, here + touched * page_size, 1)) ++touched;
    CHECK(refusal() == Errno::enomem);
    CHECK(touched > 500);
    CHECK(frames.free_count() == 50);
    CHECK(space->map({.bytes = page_size, .access = read_write}).error() == Errno::enomem);
    CHECK(AddressSpace::create().error() == Errno::enomem);
    // This would split one area into two.
    CHECK(space->unmap(here + page_size, page_size).error() == Errno::enomem);
    CHECK(space->unmap(here, page_size));
    CHECK(store(*space, here + touched * page_size, 1));
  }
  frames.grow_reserve(-50 * static_cast<std::ptrdiff_t>(page_size));
}

TEST_CASE("spaces get ASIDs in order, and start again after the last one") {
  test::Machine machine;
  kernel::memory::asids.initialize(3);
  const auto asid = [](AddressSpace& space) { return space.enter() >> 44 & 0xffff; };
  std::vector<Ref<AddressSpace>> spaces;
  for (int i = 0; i < 4; ++i) spaces.push_back(make_space());
  for (int i = 0; i < 3; ++i) CHECK(asid(*spaces[i]) == i + 1U);
  CHECK(asid(*spaces[1]) == 2);
  CHECK(hal::fake::hart().full_flushes == 0);
  CHECK(asid(*spaces[3]) == 1);
  CHECK(hal::fake::hart().full_flushes == 1);
  CHECK(asid(*spaces[1]) == 2);
  CHECK(asid(*spaces[0]) == 3);
  CHECK(asid(*spaces[3]) == 1);
}

TEST_CASE("a machine without ASIDs flushes at every change of spaces") {
  test::Machine machine;
  kernel::memory::asids.initialize(0);
  auto first = make_space();
  auto second = make_space();
  for (auto* space : {first.get(), second.get()}) {
    REQUIRE(map_at(*space, here, page_size, read_write));
  }
  CHECK(store(*first, here, 1));
  CHECK(store(*second, here, 2));
  CHECK(load(*first, here) == 1);
  CHECK(load(*second, here) == 2);
  CHECK(load(*first, here) == 1);
}
