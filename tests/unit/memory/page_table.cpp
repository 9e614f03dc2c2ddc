// Sv39 page tables: entries, walks, when tables are freed, and the kernel's own mappings.
#include <hal/page_table.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <vector>

#include "memory/frames.h"
#include "spaces.h"

using hal::Access;
using hal::page_size;
using hal::PageEntry;
using hal::PageTable;
using hal::VirtAddr;
using kernel::memory::frames;
using test::read_write;

namespace {

constexpr hal::PhysAddr some_frame = 0x8123'4000;

void put(PageTable& table, VirtAddr va, hal::PhysAddr frame, Access access) {
  PageEntry* slot = table.ensure(va);
  REQUIRE(slot != nullptr);
  PageTable::fill(slot, PageEntry::page(frame, access));
}

PageEntry* root_of(const PageTable& table) {
  return hal::phys_to_virt<PageEntry>((table.token(0) & 0xfff'ffff'ffff) << 12);
}

// The kernel's table is never destroyed, so its upper half is never cleared; a test must do that.
void forget_upper_half(PageTable& table) {
  std::fill_n(root_of(table) + 256, 256, PageEntry{});
}

constexpr auto ignore = [](VirtAddr, PageEntry) {};

}  // namespace

TEST_CASE("an entry holds its frame and its rights") {
  for (const Access access : {Access::read, read_write, Access::read | Access::execute}) {
    const PageEntry entry = PageEntry::page(some_frame, access);
    CHECK(entry.address() == some_frame);
    CHECK(entry.access() == access);
    CHECK(entry.allows(access));
    CHECK(entry.present());
    CHECK_FALSE(entry.borrowed());
  }
  CHECK_FALSE(PageEntry::page(some_frame, Access::read).allows(Access::write));
  CHECK_FALSE(PageEntry::page(some_frame, read_write).read_only().allows(Access::write));
}

TEST_CASE("the first of two harts that fill an entry wins") {
  test::Machine machine;
  auto table = *PageTable::create();
  const VirtAddr va = table.user_range().begin();
  PageEntry* const slot = table.ensure(va);
  REQUIRE(slot != nullptr);
  CHECK(PageTable::fill_first(slot, PageEntry::page(some_frame, read_write)));
  CHECK_FALSE(PageTable::fill_first(slot, PageEntry::page(some_frame + 0x1000, read_write)));
  CHECK(slot->address() == some_frame);
  unsigned removed = 0;
  CHECK(table.remove(va, va + hal::page_size, [&](VirtAddr, PageEntry) { ++removed; }));
  CHECK(removed == 1);
  CHECK(table.find(va) == nullptr);  // the table was counted as empty
}

TEST_CASE("writable includes readable, since Sv39 reserves the other encoding") {
  CHECK(PageEntry::page(some_frame, Access::write).allows(Access::read));
}

TEST_CASE("a parked page counts as used, allows no access, and comes back with its frame") {
  const PageEntry parked = PageEntry::borrowed_page(some_frame, Access::none);
  CHECK_FALSE(parked.empty());
  CHECK_FALSE(parked.present());
  CHECK(parked.borrowed());
  CHECK_FALSE(parked.allows(Access::read));
  const PageEntry back = parked.with(Access::read);
  CHECK(back.address() == some_frame);
  CHECK(back.borrowed());
  CHECK(back.allows(Access::read));
}

TEST_CASE("a page of the kernel is not accessible to programs") {
  CHECK_FALSE(PageEntry::global_page(some_frame, read_write).allows(Access::read));
}

TEST_CASE("an address without tables has no entry") {
  test::Machine machine;
  auto table = PageTable::create();
  CHECK(table->find(0x1000) == nullptr);
  put(*table, 0x1000, some_frame, Access::read);
  CHECK(table->find(0x1000)->address() == some_frame);
  CHECK(table->find(0x2000)->empty());
  CHECK(table->find(0x20'0000) == nullptr);
  table->remove(0, hal::user_end, ignore);
}

TEST_CASE("removing the last page of a table frees the table and those above it") {
  test::Machine machine;
  auto table = PageTable::create();
  const std::size_t before = frames.free_count();
  put(*table, 0x1000, some_frame, Access::read);
  put(*table, 0x2000, some_frame, Access::read);
  CHECK(frames.free_count() == before - 2);
  table->remove(0x1000, 0x2000, ignore);
  CHECK(frames.free_count() == before - 2);
  table->remove(0x2000, 0x3000, ignore);
  CHECK(frames.free_count() == before);
}

TEST_CASE("a table that was never filled is freed with its range") {
  test::Machine machine;
  auto table = PageTable::create();
  const std::size_t before = frames.free_count();
  REQUIRE(table->ensure(0x1000) != nullptr);
  table->remove(0, hal::user_end, ignore);
  CHECK(frames.free_count() == before);
}

TEST_CASE("without memory no table is made, and tables made for it are not lost") {
  test::Machine machine(4 << 20);
  auto table = PageTable::create();
  std::vector<hal::PhysAddr> taken;
  while (frames.free_count() > 1) taken.push_back(frames.allocate(kernel::memory::Use::kernel));
  CHECK(table->ensure(0x1000) == nullptr);
  CHECK_FALSE(PageTable::create());
  for (const hal::PhysAddr frame : taken) frames.drop(frame);
  table->remove(0, hal::user_end, ignore);
}

TEST_CASE("a walk visits exactly the pages of its range, in order") {
  test::Machine machine(32 << 20);
  auto table = PageTable::create();
  std::map<VirtAddr, hal::PhysAddr> model;
  test::Random random(5);
  // Few gigabytes, tables and pages, so that adjacent ranges and edges are common.
  const auto address = [&] {
    return random.below(3) << 30 | random.below(3) << 21 | random.below(6) * 100 << 12;
  };
  for (int step = 0; step < 4'000; ++step) {
    const VirtAddr from = address();
    const VirtAddr to = address() + page_size;
    switch (random.below(3)) {
      case 0:
        model[from] = (step + 1) * page_size;
        put(*table, from, model[from], Access::read);
        break;
      case 1: {
        auto expected = model.lower_bound(from);
        REQUIRE(table->has_used(from, to) == (from < to && expected != model.lower_bound(to)));
        table->for_each(from, to, [&](VirtAddr va, PageEntry& entry) {
          REQUIRE(expected != model.end());
          REQUIRE(va == expected->first);
          REQUIRE(entry.address() == expected->second);
          ++expected;
        });
        REQUIRE((from >= to || expected == model.lower_bound(to)));
        break;
      }
      case 2: {
        if (from >= to || random.below(3) != 0) break;
        auto expected = model.lower_bound(from);
        table->remove(from, to, [&](VirtAddr va, PageEntry entry) {
          REQUIRE(va == expected->first);
          REQUIRE(entry.address() == expected->second);
          expected = model.erase(expected);
        });
        REQUIRE(expected == model.lower_bound(to));
        break;
      }
    }
  }
  table->remove(0, hal::user_end, ignore);
}

TEST_CASE("the kernel map uses the largest pages that fit") {
  test::Machine machine;
  constexpr VirtAddr base = 0xffff'ffc0'0000'0000;
  auto table = PageTable::create();
  const std::size_t before = frames.free_count();
  // One whole gigabyte: an entry of the root, no table.
  CHECK(table->map_kernel(base + 0x4000'0000, 0x4000'0000, 1 << 30, read_write));
  CHECK(frames.free_count() == before);
  // From a page before 2 MiB to a page after 4 MiB: 4 KiB, 2 MiB, 4 KiB.
  CHECK(table->map_kernel(base + 0x1f'f000, 0x1f'f000, 0x20'2000, Access::read));
  CHECK(frames.free_count() == before - 3);
  const PageEntry* entries = root_of(*table);
  CHECK_FALSE(entries[257].is_table());
  CHECK(entries[256].is_table());
  auto* middle = hal::phys_to_virt<PageEntry>(entries[256].address());
  CHECK(middle[0].is_table());
  CHECK(middle[1].access() == Access::read);
  CHECK(middle[1].address() == 0x20'0000);
  CHECK(middle[2].is_table());
  for (const int i : {0, 2}) frames.drop(middle[i].address());
  frames.drop(entries[256].address());
  forget_upper_half(*table);
}

TEST_CASE("the kernel map refuses writable code and pages already mapped, with a reason") {
  test::Machine machine;
  constexpr VirtAddr base = 0xffff'ffc0'0000'0000;
  auto table = PageTable::create();
  auto error = [&](hal::VirtAddr va, std::size_t bytes, Access access) {
    const auto mapped = table->map_kernel(va, va - base, bytes, access);
    return mapped ? "" : hal::description(mapped.error());
  };
  CHECK(error(base, 1 << 30, read_write | Access::execute) ==
        "a page would be both writable and executable");
  CHECK(error(base, 1 << 30, read_write) == "");
  CHECK(error(base, 1 << 30, Access::read) == "another page is mapped there");
  CHECK(error(base + page_size, page_size, Access::read) == "another page is mapped there");
  forget_upper_half(*table);
}

TEST_CASE("all spaces share the installed upper half of the kernel") {
  test::Machine machine;
  constexpr VirtAddr base = 0xffff'ffc0'0000'0000;
  auto kernel = PageTable::create();
  REQUIRE(kernel->map_kernel(base + 0x8000'0000, 0x8000'0000, 1 << 30, read_write));
  kernel->install_kernel_half(base);
  {
    auto table = PageTable::create();
    CHECK(root_of(*table)[258].address() == 0x8000'0000);
    // A hart whose current table is destroyed switches to the kernel's table.
    hal::set_translation(table->token(7));
  }
  CHECK(hal::current_translation() == kernel->token(0));
  // Clears the kernel half for later tests.
  forget_upper_half(*kernel);
  kernel->install_kernel_half(base);
}
