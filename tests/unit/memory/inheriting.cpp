// fork: the memory of parent and child.
#include <algorithm>

#include "memory/heap.h"
#include "spaces.h"

using namespace test;

TEST_CASE("after a fork both processes see the same, and neither sees the other's writes") {
  test::Machine machine;
  auto parent = make_space();
  REQUIRE(map_at(*parent, here, 2 * page_size, read_write));
  REQUIRE(store(*parent, here, 1));
  REQUIRE(store(*parent, here + page_size, 2));
  auto child = *parent->fork();
  CHECK(load(*child, here) == 1);
  CHECK(store(*parent, here, 10));
  CHECK(store(*child, here + page_size, 20));
  CHECK(load(*child, here) == 1);
  CHECK(load(*parent, here) == 10);
  CHECK(load(*child, here + page_size) == 20);
  CHECK(load(*parent, here + page_size) == 2);
}

TEST_CASE(
    "a fork copies page tables and no pages, and the last owner of a page writes without a copy") {
  test::Machine machine;
  auto parent = make_space();
  REQUIRE(map_at(*parent, here, 100 * page_size, read_write));
  for (int i = 0; i < 100; ++i) REQUIRE(store(*parent, here + i * page_size, 1));
  {
    auto child = *parent->fork();
    const std::size_t before = frames.free_count();
    CHECK(child->resident() == 100);
    CHECK(child->own_pages() == 100);
    REQUIRE(store(*child, here, 2));
    CHECK(frames.free_count() == before - 1);
    REQUIRE(store(*parent, here, 3));  // the parent owns this page alone now
    CHECK(frames.free_count() == before - 1);
  }
  const std::size_t before = frames.free_count();
  for (int i = 0; i < 100; ++i) REQUIRE(store(*parent, here + i * page_size, 4));
  CHECK(frames.free_count() == before);
}

TEST_CASE("the child's heap continues where the parent's is") {
  test::Machine machine;
  auto parent = make_space();
  parent->set_break_start(here);
  REQUIRE(parent->set_break(here + 100) == here + 100);
  auto child = *parent->fork();
  CHECK(child->set_break(0) == here + 100);
  CHECK(child->set_break(here + 200) == here + 200);
  CHECK(parent->set_break(0) == here + 100);
}

TEST_CASE("pages of the boot archive are inherited without being counted") {
  test::Machine machine;
  const FileInMemory file(0);
  auto parent = make_space();
  REQUIRE(map_at(*parent, here, page_size, read_write, Backing::of_file(file.bytes())));
  REQUIRE(load(*parent, here) == 1);
  auto child = *parent->fork();
  CHECK(load(*child, here) == 1);
  CHECK(frames.info(hal::virt_to_phys(file.bytes().data())).references == 1);
  REQUIRE(store(*child, here, 9));
  CHECK(load(*parent, here) == 1);
}

TEST_CASE("pages without rights are inherited, too") {
  test::Machine machine;
  auto parent = make_space();
  REQUIRE(map_at(*parent, here, page_size, read_write));
  REQUIRE(store(*parent, here, 7));
  REQUIRE(parent->protect(here, page_size, Access::none));
  auto child = *parent->fork();
  REQUIRE(child->protect(here, page_size, read_write));
  REQUIRE(store(*child, here + 1, 8));
  CHECK(load(*child, here) == 7);
  REQUIRE(parent->protect(here, page_size, read_write));
  CHECK(load(*parent, here + 1) == 0);
}

TEST_CASE("shared memory stays shared across a fork and keeps its futex key") {
  test::Machine machine;
  auto parent = make_space();
  auto pages = kernel::make_ref<SharedPages>(3);
  REQUIRE(map_at(*parent, here, 3 * page_size, read_write, Backing::of_shared(pages)));
  REQUIRE(map_at(*parent, 2 * here, page_size, read_write,
                 Backing{.object = pages, .first_page = 1, .kind = Backing::Kind::shared}));
  pages = nullptr;
  auto child = *parent->fork();
  CHECK(store(*parent, here + page_size, 1));
  CHECK(load(*child, here + page_size) == 1);
  CHECK(store(*child, here + page_size, 2));
  CHECK(load(*parent, 2 * here) == 2);
  CHECK(*parent->key_of(here + page_size + 8) == *child->key_of(2 * here + 8));
  CHECK(*parent->key_of(here) != *child->key_of(2 * here));
  REQUIRE(map_at(*parent, 3 * here, page_size, read_write));
  auto other = *parent->fork();
  CHECK(*parent->key_of(3 * here) != *other->key_of(3 * here));
  CHECK(parent->key_of(4 * here).error() == Errno::efault);
}

TEST_CASE("a read-only page has a futex that others may use only if its contents can change") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  REQUIRE(store(*space, here, 1));
  CHECK(space->key_of(here).has_value());
  REQUIRE(space->protect(here, page_size, Access::read));
  CHECK(space->key_of(here).error() == Errno::efault);

  const FileInMemory file(1);  // two pages
  const hal::VirtAddr mapped = 2 * here;
  REQUIRE(map_at(*space, mapped, 3 * page_size, read_write, Backing::of_file(file.bytes())));
  REQUIRE(store(*space, mapped + page_size, 1));
  CHECK(space->key_of(mapped).has_value());
  REQUIRE(space->protect(mapped, 3 * page_size, Access::read));
  CHECK(space->key_of(mapped).has_value());
  CHECK(space->key_of(mapped + 2 * page_size).error() == Errno::efault);
  CHECK(space->key_of(mapped + page_size).error() == Errno::efault);
  REQUIRE(space->protect(mapped, 3 * page_size, Access::none));
  CHECK(space->key_of(mapped).error() == Errno::efault);

  const hal::VirtAddr shared = 3 * here;
  auto pages = kernel::make_ref<SharedPages>(1);
  REQUIRE(map_at(*space, shared, page_size, Access::read, Backing::of_shared(pages)));
  CHECK(space->key_of(shared).has_value());
}

TEST_CASE("shared memory of any size uses memory only for the pages touched") {
  test::Machine machine;
  auto space = make_space();
  constexpr std::size_t bytes = std::size_t{200} << 30;
  const std::size_t before = frames.free_count();
  REQUIRE(map_at(*space, here, bytes, read_write,
                 Backing::of_shared(kernel::make_ref<SharedPages>(bytes / page_size))));
  CHECK(store(*space, here, 1));
  CHECK(store(*space, here + bytes - 1, 2));
  CHECK(load(*space, here) == 1);
  CHECK(load(*space, here + bytes - 1) == 2);
  CHECK(frames.free_count() >= before - 2 - 4);  // two pages and their page tables
}

TEST_CASE("a large space is inherited in steps of whole page tables") {
  test::Machine machine;
  auto parent = make_space();
  constexpr std::size_t pages = 1'500, apart = std::size_t{1} << 30;
  REQUIRE(map_at(*parent, here, pages * page_size, read_write));
  REQUIRE(map_at(*parent, here + apart, page_size, read_write));
  for (std::size_t i = 0; i < pages; ++i)
    REQUIRE(store(*parent, here + i * page_size, 1 + i % 100));
  REQUIRE(store(*parent, here + apart, 7));
  REQUIRE_FALSE(parent->is_small());

  auto child = *parent->begin_fork();
  std::size_t steps = 0;
  for (VirtAddr at = hal::user_begin; at != hal::user_end; ++steps) {
    const VirtAddr end = parent->end_of_step(at, hal::user_end);
    REQUIRE(end > at);
    REQUIRE(parent->copy_pages(*child, at, end));
    at = end;
  }
  CHECK(steps >= 3);
  CHECK(child->resident() == pages + 1);
  for (std::size_t i = 0; i < pages; ++i) CHECK(load(*child, here + i * page_size) == 1 + i % 100);
  CHECK(load(*child, here + apart) == 7);
  REQUIRE(store(*child, here, 2));
  CHECK(load(*parent, here) == 1);
}

TEST_CASE("a step visits at most as many pages as one page table has") {
  test::Machine machine;
  auto space = make_space();
  constexpr VirtAddr table = 512 * page_size, before = table - 200 * page_size;
  REQUIRE(map_at(*space, before, 2 * table - before + page_size, read_write));
  for (VirtAddr at = before; at <= 2 * table; at += page_size) REQUIRE(store(*space, at, 1));
  CHECK(space->end_of_step(before, hal::user_end) == table);
  CHECK(space->end_of_step(table, hal::user_end) == 2 * table);
  CHECK(space->end_of_step(2 * table, hal::user_end) == hal::user_end);
}

TEST_CASE("during a change in steps, faults wait where its steps have been") {
  test::Machine machine;
  auto space = make_space();
  constexpr VirtAddr table = 512 * page_size, first = table, second = 2 * table;
  REQUIRE(map_at(*space, first, 2 * table, read_write));
  for (const VirtAddr page : {first, second, second + page_size}) REQUIRE(store(*space, page, 1));
  auto child = *space->begin_fork();
  REQUIRE_FALSE(space->is_changing());
  {
    const auto change = space->join_change();
    CHECK(space->join_change().get() == change.get());
    kernel::memory::AreaChange::Range range{*change, hal::user_begin};
    REQUIRE(space->copy_pages(*child, hal::user_begin, second));
    range.grow_to(second);
    CHECK_FALSE(store(*space, first, 2));
    CHECK(space->take_missed_page() == first);
    CHECK(load(*space, first) == 1);  // needs no fault
    CHECK_FALSE(store(*space, first + page_size, 2));
    CHECK(store(*space, second, 2));
    CHECK(store(*space, second + 2 * page_size, 2));

    REQUIRE(space->copy_pages(*child, second, hal::user_end));
    range.grow_to(hal::user_end);
    CHECK_FALSE(store(*space, second, 3));
    {
      const AddressSpace::WithoutWait now{*space};
      CHECK(store(*space, second, 3));
    }
    CHECK_FALSE(store(*space, second + page_size, 3));
  }
  CHECK_FALSE(space->is_changing());
  CHECK(store(*space, first, 3));
  CHECK(load(*child, first) == 1);
  CHECK(load(*child, second) == 2);
  CHECK(load(*child, second + 2 * page_size) == 2);
}

TEST_CASE("a fork shares scattered pages of private and shared areas, and its end frees none") {
  test::Machine machine;
  Random random(3);
  auto parent = make_space();
  // Areas of 1 to 40 pages, every fourth one shared, with gaps, over three page tables.
  constexpr std::size_t pages = 1'300;
  std::vector<std::uint8_t> values(pages);  // 0: not mapped, or not touched
  std::vector<bool> shared(pages);
  for (std::size_t at = 0; at < pages;) {
    const std::size_t count = std::min(1 + random.below(40), pages - at);
    const bool is_shared = random.below(4) == 0;
    REQUIRE(
        map_at(*parent, here + at * page_size, count * page_size, read_write,
               is_shared ? Backing::of_shared(kernel::make_ref<SharedPages>(count)) : Backing{}));
    for (std::size_t i = at; i != at + count; ++i) {
      shared[i] = is_shared;
      if (random.below(3) == 0) continue;
      values[i] = static_cast<std::uint8_t>(1 + random.below(200));
      REQUIRE(store(*parent, here + i * page_size, values[i]));
    }
    at += count + random.below(3) * random.below(20);
  }
  const std::size_t resident = parent->resident();
  const std::size_t before = frames.free_count();
  for (const bool by_discard : {false, true}) {
    auto child = *parent->fork();
    std::size_t expected = 0;
    for (std::size_t i = 0; i != pages; ++i) expected += values[i] != 0 && !shared[i];
    CHECK(child->resident() == expected);
    for (std::size_t i = 0; i != pages; ++i) {
      if (values[i] != 0) REQUIRE(load(*child, here + i * page_size) == values[i]);
    }
    if (by_discard) {
      static_cast<void>(child->discard(hal::user_begin, hal::user_end - hal::user_begin));
      CHECK(child->resident() == 0);
      CHECK(child->own_pages() == 0);
    }
  }
  kernel::memory::heap::trim();
  CHECK(frames.free_count() >= before);
  CHECK(parent->resident() == resident);
  for (std::size_t i = 0; i != pages; ++i) {
    if (values[i] != 0) REQUIRE(load(*parent, here + i * page_size) == values[i]);
  }
}
