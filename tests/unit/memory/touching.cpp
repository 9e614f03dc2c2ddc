// Page faults: the contents of pages at the first access.
#include "spaces.h"

using namespace test;

TEST_CASE("a mapped page uses no memory until its first access, and is zero then") {
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

TEST_CASE("write permission includes read permission, as on Linux") {
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

TEST_CASE("no page is mapped behind the last page of a file, however the area is cut") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size + 100, std::byte{9});
  REQUIRE(map_at(*space, here, 4 * page_size, read_write, Backing::of_file(file)));
  CHECK(load(*space, here + page_size + 100) == 0);
  CHECK(space->fault(here + 2 * page_size, Access::read) == std::unexpected(Errno::enxio));
  CHECK(space->fault_in(here + 2 * page_size, Access::write) == std::unexpected(Errno::efault));
  REQUIRE(space->protect(here + 3 * page_size, page_size, Access::read));
  CHECK(space->fault(here + 3 * page_size, Access::read) == std::unexpected(Errno::enxio));
  REQUIRE(space->unmap(here, page_size));
  CHECK(load(*space, here + page_size) == 9);
  CHECK(space->fault(here + 2 * page_size, Access::write) == std::unexpected(Errno::enxio));
}

TEST_CASE("shared pages of a file opened read-only never become writable") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(3 * page_size, std::byte{9});
  Backing read_only = Backing::of_file(file);
  read_only.is_read_only = true;
  REQUIRE(map_at(*space, here, page_size, Access::read));
  REQUIRE(map_at(*space, here + page_size, 2 * page_size, Access::read, read_only));
  CHECK(space->protect(here, 2 * page_size, read_write) == std::unexpected(Errno::eacces));
  CHECK(store(*space, here, 1));  // the pages before the failing one have changed
  CHECK_FALSE(store(*space, here + page_size, 1));
  CHECK(space->protect(here + 2 * page_size, page_size, Access::none));
  CHECK(space->protect(here + 2 * page_size, page_size, read_write) ==
        std::unexpected(Errno::eacces));
  CHECK(space->protect(here + page_size, 2 * page_size, Access::read));
}

TEST_CASE("an aligned page of a file is mapped in place until it is written") {
  test::Machine machine;
  const FileInMemory file(1);
  auto space = make_space();
  REQUIRE(map_at(*space, here, 2 * page_size, read_write, Backing::of_file(file.bytes())));
  const std::size_t before = frames.free_count();
  CHECK(load(*space, here) == 1);
  CHECK(frames.free_count() == before - 2);  // the two frames are page tables
  CHECK(*space->fault_in(here, Access::read) == file.bytes().data());
  CHECK(store(*space, here + 1, 77));
  CHECK(frames.free_count() == before - 3);
  CHECK(load(*space, here) == 1);
  CHECK(load(*space, here + 1) == 77);
  CHECK(file.bytes()[1] == std::byte{1});
  CHECK(store(*space, here + page_size, 78));
  CHECK(load(*space, here + page_size + 1) == 2);
  CHECK(file.bytes()[page_size] == std::byte{2});
}

TEST_CASE(
    "a page that receives instructions requests one synchronization of the instruction stream") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size, std::byte{9});
  REQUIRE(map_at(*space, here, page_size, read_execute, Backing::of_file(file)));
  REQUIRE(map_at(*space, here + page_size, page_size, read_write));
  CHECK(store(*space, here + page_size, 1));
  CHECK_FALSE(space->code_written());
  const auto before = hal::fake::hart().code_flushes;
  CHECK(fetch(*space, here));
  CHECK(hal::fake::hart().code_flushes == before + 1);
  CHECK_FALSE(space->code_written());
  REQUIRE(space->protect(here + page_size, page_size, read_execute));
  CHECK(space->code_written());
}

namespace {

/// A fault of a caller that shares the strand, if its thread is the only user of the space, or not.
bool fault_sharing(AddressSpace& space, bool is_own, VirtAddr va, Access wanted) {
  return is_own ? space.fault_own(va, wanted) : space.fault_in_use(va, wanted);
}

}  // namespace

TEST_CASE("a fault that shares the strand makes pages") {
  const bool is_own = GENERATE(true, false);
  test::Machine machine;
  auto space = make_space();
  const auto fault = [&](VirtAddr va, Access wanted) {
    return fault_sharing(*space, is_own, va, wanted);
  };
  REQUIRE(map_at(*space, here, 4 * page_size, read_write));
  CHECK(fault(here, Access::write));  // also makes the page tables
  CHECK(store(*space, here, 7));
  CHECK(fault(here + page_size, Access::read));
  CHECK(fault(here + 2 * page_size, Access::write));
  CHECK(space->resident() == 3);
  CHECK(space->own_pages() == 3);
  CHECK(space->is_small());
  CHECK(load(*space, here + page_size) == 0);
  CHECK(load(*space, here) == 7);
  CHECK(fault(here, Access::write));  // it has its page
  CHECK(load(*space, here) == 7);
  CHECK(space->resident() == 3);
  CHECK_FALSE(fault(here + 3 * page_size, Access::execute));
  CHECK_FALSE(fault(here + 4 * page_size, Access::read));

  std::vector<std::byte> file(page_size + 100, std::byte{9});
  REQUIRE(map_at(*space, here + 8 * page_size, page_size, read_write, Backing::of_file(file)));
  CHECK(fault(here + 8 * page_size, Access::read));
  CHECK(load(*space, here + 8 * page_size) == 9);
  REQUIRE(space->unmap(here, 9 * page_size));
  CHECK(space->resident() == 0);
}

TEST_CASE("a space whose pages are counted by harts still knows whether it is small") {
  test::Machine machine;
  auto space = make_space();
  constexpr std::size_t pages = 400;
  REQUIRE(map_at(*space, here, pages * page_size, read_write));
  for (std::size_t i = 0; i != pages; ++i)
    CHECK(space->fault_in_use(here + i * page_size, Access::write));
  CHECK(space->resident() == pages);
  CHECK_FALSE(space->is_small());
  REQUIRE(space->discard(here, 300 * page_size));
  CHECK(space->resident() == 100);
  CHECK(space->is_small());
}

TEST_CASE("a range is plain if it has few areas, and none of them has an object") {
  test::Machine machine;
  auto space = make_space();
  std::vector<std::byte> file(page_size, std::byte{9});
  REQUIRE(map_at(*space, here, 4 * page_size, read_write));
  REQUIRE(map_at(*space, here + 4 * page_size, page_size, read_write, Backing::of_file(file)));
  CHECK(space->is_plain(here, 4 * page_size));
  CHECK(space->is_plain(here + page_size, page_size));
  CHECK(space->is_plain(here - 4 * page_size, 4 * page_size));
  CHECK(space->is_plain(here + 5 * page_size, page_size));
  CHECK(space->is_plain(here - page_size, 2 * page_size));
  CHECK(space->is_plain(here + 3 * page_size, 2 * page_size));
  CHECK(space->is_plain(here + 4 * page_size, page_size));
  auto shared = Backing::of_shared(kernel::make_ref<kernel::memory::SharedPages>(1));
  REQUIRE(map_at(*space, here + 8 * page_size, page_size, read_write, std::move(shared)));
  CHECK_FALSE(space->is_plain(here + 8 * page_size, page_size));
  CHECK_FALSE(space->is_plain(here, 9 * page_size));
  for (unsigned i = 0; i <= AddressSpace::most_plain_areas; ++i)
    REQUIRE(map_at(*space, here + (16 + i) * page_size, page_size,
                   i % 2 == 0 ? Access::read : read_write));
  CHECK(space->is_plain(here + 16 * page_size, AddressSpace::most_plain_areas * page_size));
  CHECK_FALSE(
      space->is_plain(here + 16 * page_size, (AddressSpace::most_plain_areas + 1) * page_size));
}

TEST_CASE("a fault that shares the strand copies a frame only while it has other owners") {
  const bool is_own = GENERATE(true, false);
  test::Machine machine;
  auto space = make_space();
  REQUIRE(map_at(*space, here, page_size, read_write));
  CHECK(store(*space, here, 7));
  {
    auto child = space->fork();
    REQUIRE(child);
    const std::byte* const shared = space->translate(here, Access::read);
    CHECK(fault_sharing(*space, is_own, here, Access::write));
    CHECK(space->translate(here, Access::write) != shared);
    CHECK(store(*space, here, 8));
    CHECK(load(**child, here) == 7);
    child = space->fork();
    REQUIRE(child);
  }
  const std::byte* const kept = space->translate(here, Access::read);
  CHECK(fault_sharing(*space, is_own, here, Access::write));
  CHECK(space->translate(here, Access::write) == kept);
  CHECK(load(*space, here) == 8);
}
