// The kernel's access to a program's memory: across pages, with page faults, and with bad
// addresses.
#include "memory/user_memory.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <string>

#include "spaces.h"

using hal::Access;
using hal::page_size;
using hal::VirtAddr;
using kernel::AddressSpace;
using kernel::Errno;
using kernel::Ref;
using kernel::UserPtr;
using kernel::UserSpan;
using kernel::memory::MapRequest;
using test::here;
using test::read_write;

namespace {

/// Two writable pages and a read-only page; the page after them is unmapped.
Ref<AddressSpace> make_three_pages() {
  auto space = *AddressSpace::create();
  REQUIRE(space->map({.address = here,
                      .bytes = 2 * page_size,
                      .access = read_write,
                      .place = MapRequest::Place::exactly}));
  REQUIRE(space->map({.address = here + 2 * page_size,
                      .bytes = page_size,
                      .access = Access::read,
                      .place = MapRequest::Place::exactly}));
  return space;
}

}  // namespace

TEST_CASE("a value across two pages is read and written as a whole") {
  test::Machine machine;
  auto space = make_three_pages();
  const UserPtr<std::uint64_t> pointer(here + page_size - 3);
  REQUIRE(pointer.write(*space, 0x1122334455667788));
  CHECK(*pointer.read(*space) == 0x1122334455667788);
  CHECK(test::load(*space, here + page_size) == 0x55);
}

TEST_CASE("pointers to unmapped, kernel or read-only pages are EFAULT") {
  test::Machine machine;
  auto space = make_three_pages();
  for (const VirtAddr address :
       {VirtAddr{0}, VirtAddr{8}, here - 1, here + 3 * page_size, hal::user_end - 4, hal::user_end,
        VirtAddr{0xffff'ffc0'8020'0000}, ~VirtAddr{0} - 3}) {
    CAPTURE(address);
    CHECK(UserPtr<std::uint64_t>(address).read(*space).error() == Errno::efault);
    CHECK(UserPtr<std::uint64_t>(address).write(*space, 1).error() == Errno::efault);
  }
  CHECK(UserPtr<char>(here + 2 * page_size).read(*space));
  CHECK(UserPtr<char>(here + 2 * page_size).write(*space, 1).error() == Errno::efault);
}

TEST_CASE("a span copies as many bytes as it can before it fails") {
  test::Machine machine;
  auto space = make_three_pages();
  std::string text(2 * page_size, 'x');
  const UserSpan<char> span(here + page_size, 2 * page_size);
  CHECK(span.write(*space, text).error() == Errno::efault);
  CHECK(test::load(*space, here + 2 * page_size - 1) == 'x');
  CHECK(test::load(*space, here + 2 * page_size) == 0);
}

TEST_CASE("a span outside the user range is rejected without an access") {
  CHECK(UserSpan<int>(here, 10).in_range());
  CHECK(UserSpan<int>(hal::user_end - 4, 1).in_range());
  CHECK_FALSE(UserSpan<int>(hal::user_end - 4, 2).in_range());
  CHECK_FALSE(UserSpan<int>(here, ~std::size_t{0}).in_range());
  CHECK_FALSE(UserSpan<int>(~VirtAddr{0}, 1).in_range());
}

TEST_CASE("strings end at their zero byte, wherever pages end") {
  test::Machine machine;
  auto space = make_three_pages();
  const std::string text = "across the border";
  REQUIRE(copy_to_user(*space, here + page_size - 6, text.c_str(), text.size() + 1));
  std::array<char, 64> buffer;
  CHECK(*string_from_user(*space, here + page_size - 6, buffer) == text);
  CHECK(*string_from_user(*space, here + page_size + 11, buffer) == "");
  const auto exact = std::span(buffer).first(text.size() + 1);
  CHECK(*string_from_user(*space, here + page_size - 6, exact) == text);
  const auto short_by_one = std::span(buffer).first(text.size());
  CHECK(string_from_user(*space, here + page_size - 6, short_by_one).error() ==
        Errno::enametoolong);
}

TEST_CASE("a string that runs into a gap is EFAULT") {
  test::Machine machine;
  auto space = *AddressSpace::create();
  REQUIRE(space->map({.address = here,
                      .bytes = page_size,
                      .access = read_write,
                      .place = MapRequest::Place::exactly}));
  REQUIRE(test::store(*space, here + page_size - 1, 'a'));
  std::array<char, 64> buffer;
  CHECK(string_from_user(*space, here + page_size - 1, buffer).error() == Errno::efault);
}

TEST_CASE("a string is read up to the end of each page of RAM, and no further") {
  test::Machine machine;
  auto space = *AddressSpace::create();
  // Only one page of each pair is used, so the kernel must not read behind it.
  const std::string text(64, 'a');
  std::array<char, 64> buffer;
  std::size_t pages = 0;
  for (VirtAddr page = here;; page += 2 * page_size, ++pages) {
    if (!space->map({.address = page,
                     .bytes = page_size,
                     .access = read_write,
                     .place = MapRequest::Place::exactly}))
      break;
    const VirtAddr last = page + page_size - text.size();
    if (!copy_to_user(*space, last, text.data(), text.size())) break;
    for (const std::size_t size : {1, 7, 8, 9, 16, 63, 64}) {
      CAPTURE(pages, size);
      const VirtAddr from = page + page_size - size;
      CHECK(string_from_user(*space, from, buffer).error() ==
            (size == buffer.size() ? Errno::enametoolong : Errno::efault));
    }
  }
  CHECK(pages > 16);
}

TEST_CASE("pieces are passed on page by page until one is not used up") {
  test::Machine machine;
  auto space = make_three_pages();
  std::size_t calls = 0;
  const auto all =
      kernel::memory::each_piece(*space, here + 10, 2 * page_size - 10, Access::write,
                                 [&](std::span<std::byte> piece) -> kernel::Result<std::size_t> {
                                   ++calls;
                                   return piece.size();
                                 });
  CHECK(*all == 2 * page_size - 10);
  CHECK(calls == 2);
  const auto some = kernel::memory::each_piece(
      *space, here, 2 * page_size, Access::write,
      [&](std::span<std::byte>) -> kernel::Result<std::size_t> { return 100; });
  CHECK(*some == 100);
  const auto cut = kernel::memory::each_piece(
      *space, here + page_size, 3 * page_size, Access::write,
      [&](std::span<std::byte> piece) -> kernel::Result<std::size_t> { return piece.size(); });
  CHECK(*cut == page_size);
}

TEST_CASE("threads on different harts replace no entries of each other in the KernelTlb") {
  using hal::Access;
  test::Machine machine;
  kernel::memory::HartTlbs tlbs;
  std::byte pages[2];
  constexpr hal::VirtAddr distance = 64 * hal::page_size;
  const auto find = [&](unsigned hart) {
    hal::fake::here = hart;
    std::byte* const there = tlbs.find(here + hart * distance, Access::write);
    hal::fake::here = 0;
    return there;
  };
  for (const unsigned hart : {0U, 1U}) {
    hal::fake::here = hart;
    tlbs.remember(here + hart * distance, Access::write, &pages[hart]);
  }
  hal::fake::here = 0;
  CHECK(find(0) == &pages[0]);
  CHECK(find(1) == &pages[1]);
  tlbs.forget(here + page_size, here + distance);
  CHECK(find(0) == &pages[0]);
  tlbs.forget(here + distance, here + distance + page_size);
  CHECK(find(1) == nullptr);
  tlbs.forget(0, here + 2 * distance);
  CHECK(find(0) == nullptr);
}
