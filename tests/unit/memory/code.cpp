// Code that the kernel inspects and rewrites before it is executed: process/code_rewriting.h.
#include "program_code/code_change.h"
#include "spaces.h"

using namespace test;
using kernel::memory::AreaCode;
using kernel::memory::CodeChange;
using kernel::memory::CodeState;

namespace {

/// A machine on which the kernel must rewrite programs' code.
struct SeeingMachine {
  SeeingMachine() { hal::seen_first = true; }
  ~SeeingMachine() { hal::seen_first = false; }
  test::Machine machine;
};

Errno try_to_run(AddressSpace& space, VirtAddr va) {
  const auto done = space.fault(va, Access::execute);
  return done ? Errno{} : done.error();
}

Result<VirtAddr> map_code(AddressSpace& space, std::size_t pages, Backing backing = {},
                          std::uint16_t first_instruction_offset = 0) {
  return space.map({.address = here,
                    .bytes = pages * page_size,
                    .access = read_execute,
                    .place = MapRequest::Place::exactly,
                    .backing = std::move(backing),
                    .code = AreaCode::beginning_at(first_instruction_offset)});
}

}  // namespace

TEST_CASE("code is readable at once, and executable after its check") {
  SeeingMachine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 3, {}, 0x20));
  CHECK(load(*space, here) == 0);
  CHECK(try_to_run(*space, here) == Errno::enoexec);
  const auto area = CodeChange{*space}.area_at(here + page_size);
  REQUIRE(area);
  CHECK(area->start == here);
  CHECK(area->end == here + 3 * page_size);
  CHECK(area->first == here + 0x20);
  CHECK(area->state == CodeState::unseen);
  CHECK(area->may_change);
  CodeChange{*space}.hide(area->start, area->end);
  CodeChange{*space}.set(here, here + 2 * page_size, CodeState::ready);
  CodeChange{*space}.set(here + 2 * page_size, area->end, CodeState::refused);
  CHECK(try_to_run(*space, here) == Errno{});
  CHECK(try_to_run(*space, here + page_size) == Errno{});
  CHECK(try_to_run(*space, here + 2 * page_size) == Errno::enoexec);
  CHECK(CodeChange{*space}.area_at(here + 2 * page_size)->state == CodeState::refused);
}

TEST_CASE("one page of an area changes, and the area stays one piece in its state") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 2));
  CHECK(load(*space, here + page_size) == 0);
  CodeChange code{*space};
  code.hide(here + page_size, here + 2 * page_size);
  auto frame = kernel::memory::Frame::allocate(kernel::memory::Use::user);
  std::fill_n(frame.bytes(), page_size, std::byte{9});
  REQUIRE(code.replace(here + page_size, std::move(frame)));
  code.show(here + page_size, here + 2 * page_size);
  CHECK(load(*space, here + page_size) == 9);
  CHECK(try_to_run(*space, here + page_size) == Errno{});
  const auto area = code.area_at(here);
  CHECK((area->end == here + 2 * page_size && area->state == CodeState::unseen));
}

TEST_CASE("a machine that runs programs unchanged needs no check of code") {
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 1));
  CHECK(try_to_run(*space, here) == Errno{});
}

TEST_CASE("changed code is private to the program, and no hart executes the old code") {
  SeeingMachine machine;
  const FileInMemory file{1};
  auto space = make_space();
  REQUIRE(map_code(*space, 2, Backing::of_segment(file.bytes())));
  CHECK(load(*space, here + page_size) == 2);  // the file's own frame, not a copy
  CHECK((space->resident() == 1 && space->own_pages() == 0));
  const auto area = *CodeChange{*space}.area_at(here);
  CodeChange{*space}.hide(area.start, area.end);
  for (const VirtAddr page : {here, here + page_size}) {
    auto frame = kernel::memory::Frame::allocate(kernel::memory::Use::user);
    std::fill_n(frame.bytes(), page_size, std::byte{9});
    REQUIRE(CodeChange{*space}.replace(page, std::move(frame)));
  }
  CHECK(try_to_run(*space, here) == Errno::enoexec);
  CodeChange{*space}.set(area.start, area.end, CodeState::ready);
  CHECK(load(*space, here) == 9);
  CHECK(load(*space, here + page_size) == 9);
  CHECK(try_to_run(*space, here) == Errno{});
  CHECK(file.bytes()[0] == std::byte{1});
  CHECK((space->resident() == 2 && space->own_pages() == 2));
  CHECK_FALSE(store(*space, here, 1));
}

TEST_CASE("code that may have been written, or was discarded, is checked again") {
  SeeingMachine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 2));
  CodeChange{*space}.set(here, here + 2 * page_size, CodeState::ready);
  REQUIRE(try_to_run(*space, here) == Errno{});
  const auto before = *CodeChange{*space}.area_at(here);
  REQUIRE(space->protect(here, page_size, read_write));
  REQUIRE(store(*space, here, 5));
  CHECK_FALSE(CodeChange{*space}.area_at(here));
  REQUIRE(space->protect(here, page_size, read_execute));
  CHECK(try_to_run(*space, here) == Errno::enoexec);
  CHECK(CodeChange{*space}.area_at(here)->state == CodeState::stale);
  CHECK(CodeChange{*space}.area_at(here)->generation != before.generation);
  CHECK(try_to_run(*space, here + page_size) == Errno{});
  REQUIRE(space->discard(here + page_size, page_size));
  CHECK(try_to_run(*space, here + page_size) == Errno::enoexec);
}

TEST_CASE(
    "of unchecked code that is cut in two, only the lower part is checked, the upper refused") {
  SeeingMachine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 3));
  REQUIRE(space->unmap(here + page_size, page_size));
  CHECK(CodeChange{*space}.area_at(here)->state == CodeState::unseen);
  CHECK(CodeChange{*space}.area_at(here + 2 * page_size)->state == CodeState::refused);
}

TEST_CASE("writable or shared code must not be changed") {
  SeeingMachine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write | Access::execute));
  CHECK_FALSE(CodeChange{*space}.area_at(here)->may_change);
  REQUIRE(map_at(*space, here, page_size, read_execute,
                 Backing::of_shared(kernel::make_ref<SharedPages>(1))));
  CHECK_FALSE(CodeChange{*space}.area_at(here)->may_change);
  CHECK_FALSE(CodeChange{*space}.area_at(here + page_size));
}

TEST_CASE("code that the kernel adds does not merge with adjacent code") {
  SeeingMachine machine;
  auto space = make_space();
  REQUIRE(map_code(*space, 1));
  for (const VirtAddr beside : {here - page_size, here + page_size}) {
    REQUIRE(space->map({.address = beside,
                        .bytes = page_size,
                        .access = read_execute,
                        .place = MapRequest::Place::if_free,
                        .code = CodeState::added}));
    CHECK(try_to_run(*space, beside) == Errno{});
  }
  CHECK(space->areas().size() == 3);
  CHECK(CodeChange{*space}.area_at(here)->start == here);
  CHECK(try_to_run(*space, here) == Errno::enoexec);
  CodeChange{*space}.set(here, here + page_size, CodeState::ready);
  REQUIRE(space->protect(here, page_size, read_write));
  REQUIRE(space->protect(here, page_size, read_execute));
  CHECK(space->areas().size() == 3);
}

TEST_CASE("with read-ahead, executing one page of an area makes all its pages resident") {
  test::Machine machine;
  auto space = make_space();
  const FileInMemory file{3};
  REQUIRE(map_code(*space, 3, Backing::of_segment(file.bytes())));
  CHECK(try_to_run(*space, here + page_size) == Errno{});
  CHECK(space->resident() == 1);
  hal::read_ahead = true;
  CHECK(try_to_run(*space, here) == Errno{});
  hal::read_ahead = false;
  CHECK(space->resident() == 3);
  CHECK(load(*space, here + 2 * page_size) == 3);
}
