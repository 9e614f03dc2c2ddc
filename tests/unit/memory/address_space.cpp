// Address spaces as system calls and programs see them.
#include "memory/address_space.h"

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <vector>

#include "machine.h"
#include "memory/frames.h"

using hal::Access;
using hal::page_size;
using hal::VirtAddr;
using kernel::AddressSpace;
using kernel::Errno;
using kernel::Ref;
using kernel::Result;
using kernel::memory::Backing;
using kernel::memory::frames;
using kernel::memory::MapRequest;
using kernel::memory::SharedPages;
using test::fetch;
using test::load;
using test::refusal;
using test::store;

namespace {

constexpr Access read_write = Access::read | Access::write;
constexpr Access read_execute = Access::read | Access::execute;
constexpr VirtAddr here = 0x10'0000;

Ref<AddressSpace> make_space() {
  return *AddressSpace::create();
}

Result<VirtAddr> map_at(AddressSpace& space, VirtAddr address, std::size_t bytes, Access access,
                        Backing backing = {}) {
  return space.map({.address = address,
                    .bytes = bytes,
                    .access = access,
                    .place = MapRequest::Place::exactly,
                    .backing = std::move(backing)});
}

/// Pages of RAM that play a file of the boot archive.
class FileInMemory {
 public:
  explicit FileInMemory(unsigned order) : order_(order), block_(frames.allocate_block(order)) {
    for (std::size_t i = 0; i < bytes().size(); ++i) {
      hal::phys_to_virt(block_)[i] = static_cast<std::byte>(1 + i / page_size);
    }
  }
  ~FileInMemory() { frames.free_block(block_, order_); }
  std::span<const std::byte> bytes() const {
    return {hal::phys_to_virt(block_), page_size << order_};
  }

 private:
  unsigned order_;
  hal::PhysAddr block_;
};

}  // namespace

// ── Demand ───────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a mapped page costs nothing until it is touched, then it is zero") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 100 * page_size, read_write));
  CHECK(space->resident() == 0);
  CHECK(load(*space, here + 5) == 0);
  CHECK(space->resident() == 1);
  CHECK(store(*space, here + 7 * page_size, 42));
  CHECK(load(*space, here + 7 * page_size) == 42);
  CHECK(space->resident() == 2);
}

TEST_CASE("an access that the area does not allow is refused") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, Access::read));
  CHECK_FALSE(store(*space, here, 1));
  CHECK(refusal() == Errno::eacces);
  CHECK_FALSE(fetch(*space, here));
  CHECK(refusal() == Errno::eacces);
  CHECK(load(*space, here) == 0);
  CHECK_FALSE(store(*space, here, 1));
  CHECK_FALSE(load(*space, here + page_size));
  CHECK(refusal() == Errno::efault);
  CHECK_FALSE(load(*space, 0));
  CHECK_FALSE(load(*space, hal::user_end));
}

TEST_CASE("writing includes reading, as on Linux") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, Access::write));
  CHECK(load(*space, here) == 0);
}

TEST_CASE("a segment's pages hold its bytes, then zeros") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size + 100, std::byte{9});
  REQUIRE(map_at(*space, here, 3 * page_size, read_write, Backing::of_segment(file)));
  CHECK(load(*space, here) == 9);
  CHECK(load(*space, here + page_size + 99) == 9);
  CHECK(load(*space, here + page_size + 100) == 0);
  CHECK(load(*space, here + 2 * page_size) == 0);
  CHECK(store(*space, here, 1));
  CHECK(file[0] == std::byte{9});
}

TEST_CASE("behind the last page of a mapped file there is nothing, however the area is cut") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size + 100, std::byte{9});
  REQUIRE(map_at(*space, here, 4 * page_size, read_write, Backing::of_file(file)));
  CHECK(load(*space, here + page_size + 100) == 0);
  CHECK(space->fault(here + 2 * page_size, Access::read) == std::unexpected(Errno::enxio));
  CHECK(space->resolve(here + 2 * page_size, Access::write) == std::unexpected(Errno::efault));
  REQUIRE(space->protect(here + 3 * page_size, page_size, Access::read));
  CHECK(space->fault(here + 3 * page_size, Access::read) == std::unexpected(Errno::enxio));
  REQUIRE(space->unmap(here, page_size));
  CHECK(load(*space, here + page_size) == 9);
  CHECK(space->fault(here + 2 * page_size, Access::write) == std::unexpected(Errno::enxio));
}

TEST_CASE("shared pages of a file opened for reading never become writable") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(3 * page_size, std::byte{9});
  Backing read_only = Backing::of_file(file);
  read_only.is_read_only = true;
  REQUIRE(map_at(*space, here, page_size, Access::read));
  REQUIRE(map_at(*space, here + page_size, 2 * page_size, Access::read, read_only));
  CHECK(space->protect(here, 2 * page_size, read_write) == std::unexpected(Errno::eacces));
  CHECK(store(*space, here, 1));  // what lies before has changed
  CHECK_FALSE(store(*space, here + page_size, 1));
  CHECK(space->protect(here + 2 * page_size, page_size, Access::none));
  CHECK(space->protect(here + 2 * page_size, page_size, read_write) == std::unexpected(Errno::eacces));
  CHECK(space->protect(here + page_size, 2 * page_size, Access::read));
}

TEST_CASE("an aligned page of a file is mapped where it lies until it is written") {
  test::Machine machine;
  const FileInMemory file(1);
  auto space = make_space();
  REQUIRE(map_at(*space, here, 2 * page_size, read_write, Backing::of_file(file.bytes())));
  const std::size_t before = frames.free_count();
  CHECK(load(*space, here) == 1);
  CHECK(frames.free_count() == before - 2);  // page tables
  CHECK(*space->resolve(here, Access::read) == file.bytes().data());
  CHECK(store(*space, here + 1, 77));
  CHECK(frames.free_count() == before - 3);
  CHECK(load(*space, here) == 1);
  CHECK(load(*space, here + 1) == 77);
  CHECK(file.bytes()[1] == std::byte{1});
  CHECK(store(*space, here + page_size, 78));
  CHECK(load(*space, here + page_size + 1) == 2);
  CHECK(file.bytes()[page_size] == std::byte{2});
}

TEST_CASE("pages that get instructions ask for the instruction stream to be synchronized, once") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size, std::byte{9});
  REQUIRE(map_at(*space, here, page_size, read_execute, Backing::of_file(file)));
  REQUIRE(map_at(*space, here + page_size, page_size, read_write));
  CHECK(store(*space, here + page_size, 1));
  CHECK_FALSE(space->take_code_written());
  CHECK(fetch(*space, here));
  CHECK(space->take_code_written());
  CHECK_FALSE(space->take_code_written());
  REQUIRE(space->protect(here + page_size, page_size, read_execute));
  CHECK(space->take_code_written());
}

// ── mmap ─────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("without a place, a mapping goes into the highest hole that fits") {
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

TEST_CASE("a hint is followed where it is free, and is no more than a hint") {
  test::Machine machine;
  auto space = make_space();
  CHECK(*space->map({.address = here + 5, .bytes = 1, .access = Access::read}) == here);
  CHECK(*space->map({.address = here, .bytes = 1, .access = Access::read}) ==
        hal::user_end - page_size);
  CHECK(*space->map({.address = ~VirtAddr{0}, .bytes = 1, .access = Access::read}) ==
        hal::user_end - 2 * page_size);
}

TEST_CASE("a fixed mapping replaces what is there, pages and all") {
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

TEST_CASE("a mapping that must not replace anything does not") {
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

TEST_CASE("mappings that make no sense are refused with Linux's errors") {
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

TEST_CASE("the number of areas has a limit, and it is a matter of that program alone") {
  test::Machine machine(32 << 20);
  auto space = make_space();
  std::size_t made = 0;
  while (map_at(*space, here + made * 2 * page_size, page_size, Access::read)) ++made;
  CHECK(made == 65'530);
  CHECK(space->unmap(here, page_size));
  REQUIRE(map_at(*space, here, page_size, Access::read));
  CHECK(make_space()->map({.bytes = page_size, .access = Access::read}));
}

TEST_CASE("nobody gets more writable memory in one piece than the machine has") {
  test::Machine machine;
  auto space = make_space();
  CHECK(space->map({.bytes = 1 << 30, .access = read_write}).error() == Errno::enomem);
  CHECK(space->map({.bytes = 1 << 30, .access = Access::none}));
}

TEST_CASE("a range that is unmapped twice is simply not there") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 3 * page_size, read_write));
  CHECK(space->unmap(here + page_size, page_size));
  CHECK(space->unmap(here + page_size, page_size));
  CHECK(space->areas().size() == 2);
  CHECK_FALSE(load(*space, here + page_size));
}

TEST_CASE("neighbours that agree become one area") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, read_write));
  CHECK(space->areas().size() == 2);
  REQUIRE(map_at(*space, here + page_size, page_size, read_write));
  CHECK(space->areas().size() == 1);
}

// ── mprotect ─────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("rights that are taken away and given back leave the contents alone") {
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

TEST_CASE("protecting over a hole does what lies before it and says ENOMEM") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, read_write));
  CHECK(space->protect(here, 3 * page_size, Access::read).error() == Errno::enomem);
  CHECK_FALSE(store(*space, here, 1));
  CHECK(store(*space, here + 2 * page_size, 1));
}

TEST_CASE("discarded private pages start anew") {
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

TEST_CASE("a page that goes is flushed alone, a page table that goes takes the whole space along") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, 2 * page_size, read_write));
  REQUIRE(store(*space, here, 1));
  REQUIRE(store(*space, here + page_size, 1));
  hal::fake::hart.page_flushes = hal::fake::hart.space_flushes = 0;
  REQUIRE(space->unmap(here, page_size));
  CHECK(hal::fake::hart.page_flushes == 1);
  CHECK(hal::fake::hart.space_flushes == 0);
  REQUIRE(space->unmap(here + page_size, page_size));
  CHECK(hal::fake::hart.space_flushes == 1);
}

// ── brk ──────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("the heap grows and shrinks by bytes, and is zero where it is new") {
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

TEST_CASE("the heap stops at what is in its way") {
  test::Machine machine;
  auto space = make_space();
  space->set_break_start(here);
  REQUIRE(map_at(*space, here + 2 * page_size, page_size, Access::read));
  CHECK(space->set_break(here + 2 * page_size) == here + 2 * page_size);
  CHECK(space->set_break(here + 2 * page_size + 1) == here + 2 * page_size);
  CHECK(space->set_break(hal::user_end + 1) == here + 2 * page_size);
  CHECK(space->set_break(here - 1) == here + 2 * page_size);
}

// ── fork ─────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("after fork both sides see the same and neither sees the other's writes") {
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

TEST_CASE("a fork costs tables, not pages; the last owner of a page writes without a copy") {
  test::Machine machine;
  auto parent = make_space();
  REQUIRE(map_at(*parent, here, 100 * page_size, read_write));
  for (int i = 0; i < 100; ++i) REQUIRE(store(*parent, here + i * page_size, 1));
  {
    auto child = *parent->fork();
    const std::size_t before = frames.free_count();
    CHECK(child->resident() == 100);
    REQUIRE(store(*child, here, 2));
    CHECK(frames.free_count() == before - 1);
    REQUIRE(store(*parent, here, 3));  // the child has left this one
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

TEST_CASE("pages without rights are inherited too") {
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

TEST_CASE("shared memory stays shared across fork, and knows itself for futexes") {
  test::Machine machine;
  auto parent = make_space();
  auto pages = kernel::make_ref<SharedPages>(3);
  REQUIRE(map_at(*parent, here, 3 * page_size, read_write, Backing::of_shared(pages)));
  REQUIRE(map_at(*parent, 2 * here, page_size, read_write,
                 Backing{.kind = Backing::Kind::shared, .pages = pages, .first_page = 1}));
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

TEST_CASE("shared memory of any size costs what is touched of it") {
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
  CHECK(frames.free_count() >= before - 2 - 4);  // two pages, the tables for them
}

// ── Out of memory ────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a fork that runs out of memory fails and leaves nothing behind") {
  test::Machine machine(4 << 20);
  auto parent = make_space();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(map_at(*parent, here + i * (VirtAddr{1} << 30), page_size, read_write));
    REQUIRE(store(*parent, here + i * (VirtAddr{1} << 30), 1));
  }
  std::vector<hal::PhysAddr> taken;
  while (frames.free_count() > 20) taken.push_back(frames.allocate(kernel::memory::Use::kernel));
  kernel::memory::frames.keep_in_reserve(0);
  CHECK(parent->fork().error() == Errno::enomem);
  CHECK(frames.free_count() >= 18);  // the heap may keep a page
  for (const hal::PhysAddr frame : taken) frames.drop(frame);
  for (int i = 0; i < 20; ++i) CHECK(store(*parent, here + i * (VirtAddr{1} << 30), 2));
}

TEST_CASE("a program that uses up all memory is told, and the reserve is still there") {
  test::Machine machine(4 << 20);
  frames.keep_in_reserve(50 * page_size);
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
    CHECK(space->unmap(here + page_size, page_size).error() == Errno::enomem);  // two areas of one
    CHECK(space->unmap(here, page_size));
    CHECK(store(*space, here + touched * page_size, 1));
  }
  frames.keep_in_reserve(-50 * static_cast<std::ptrdiff_t>(page_size));
}

// ── Identifiers ──────────────────────────────────────────────────────────────────────────────────

TEST_CASE("spaces get identifiers in turn, and new ones after the machine's are used up") {
  test::Machine machine;
  kernel::memory::asids.initialize(3);
  const auto asid = [](AddressSpace& space) { return space.token() >> 44 & 0xffff; };
  std::vector<Ref<AddressSpace>> spaces;
  for (int i = 0; i < 4; ++i) spaces.push_back(make_space());
  for (int i = 0; i < 3; ++i) CHECK(asid(*spaces[i]) == i + 1U);
  CHECK(asid(*spaces[1]) == 2);
  CHECK(hal::fake::hart.full_flushes == 0);
  CHECK(asid(*spaces[3]) == 1);
  CHECK(hal::fake::hart.full_flushes == 1);
  CHECK(asid(*spaces[1]) == 2);
  CHECK(asid(*spaces[0]) == 3);
  CHECK(asid(*spaces[3]) == 1);
}

TEST_CASE("a machine without identifiers flushes at every change of spaces") {
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
