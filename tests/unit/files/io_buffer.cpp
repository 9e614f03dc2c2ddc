// Buffers in a program's memory: in parts, across pages, with holes.
#include "files/io_buffer.h"

#include <array>

#include "memory/user_memory.h"
#include "support.h"

using hal::page_size;
using kernel::AddressSpace;
using kernel::memory::MapRequest;
using test::Errno;
using test::IoBuffer;

namespace {

constexpr hal::VirtAddr here = 0x10'0000;

/// Two writable pages at `here`; the page after them is unmapped.
kernel::Ref<AddressSpace> make_space() {
  auto space = *AddressSpace::create();
  REQUIRE(space->map({.address = here,
                      .bytes = 2 * page_size,
                      .access = hal::Access::read | hal::Access::write,
                      .place = MapRequest::Place::exactly}));
  return space;
}

std::string text_at(AddressSpace& space, hal::VirtAddr address, std::size_t size) {
  std::string text(size, '?');
  REQUIRE(kernel::memory::copy_from_user(space, text.data(), address, size));
  return text;
}

}  // namespace

TEST_CASE("bytes put into a buffer reach the program's memory across pages") {
  test::Machine machine;
  auto space = make_space();
  const std::string text = test::pattern(5000);
  IoBuffer buffer{*space, here + 100, 6000};
  CHECK(buffer.put(test::bytes_of(std::string_view{text})) == 5000);
  CHECK(buffer.left() == 1000);
  CHECK(text_at(*space, here + 100, 5000) == text);
}

TEST_CASE("bytes before a gap are moved, and the gap itself is EFAULT") {
  test::Machine machine;
  auto space = make_space();
  IoBuffer buffer{*space, here + 2 * page_size - 10, 100};
  CHECK(buffer.put_zeros(100) == 10);
  CHECK(buffer.put_zeros(100).error() == Errno::efault);
  CHECK(buffer.left() == 90);
}

TEST_CASE("parts are filled in order, with empty ones among them") {
  test::Machine machine;
  auto space = make_space();
  const std::array parts = {abi::IoVector{0, 0}, abi::IoVector{here + 50, 3}, abi::IoVector{7, 0},
                            abi::IoVector{here, 2}, abi::IoVector{here + page_size - 1, 4}};
  IoBuffer in{*space, parts};
  CHECK(in.left() == 9);
  CHECK(in.put(test::bytes_of("abcdefghijkl")) == 9);
  CHECK(in.empty());
  CHECK(text_at(*space, here + 50, 3) == "abc");
  CHECK(text_at(*space, here, 2) == "de");
  CHECK(text_at(*space, here + page_size - 1, 4) == "fghi");

  IoBuffer out{*space, parts};
  out.skip(4);
  std::string text(3, '?');
  CHECK(out.take(test::bytes_of(text)) == 3);
  CHECK(text == "efg");
  CHECK(out.left() == 2);
}

TEST_CASE("first() returns a part that is used up independently of the whole") {
  test::Machine machine;
  auto space = make_space();
  const std::array parts = {abi::IoVector{here, 5}, abi::IoVector{here + 100, 5}};
  IoBuffer whole{*space, parts};
  IoBuffer part = whole.first(7);
  CHECK(part.left() == 7);
  CHECK(part.put(test::bytes_of("abcdefghij")) == 7);
  CHECK(part.empty());
  whole.skip(7);
  CHECK(whole.first(100).left() == 3);
  CHECK(whole.put(test::bytes_of("xyz")) == 3);
  CHECK(text_at(*space, here + 100, 5) == "fgxyz");
}

TEST_CASE("bytes across two cached pages do not continue in the first page's frame") {
  // In one of the two orders the frames are not adjacent.
  for (const bool backwards : {false, true}) {
    test::Machine machine;
    auto space = make_space();
    for (const std::size_t page : {backwards ? 1u : 0u, backwards ? 0u : 1u}) {
      REQUIRE(IoBuffer{*space, here + page * page_size, 1}.put(test::bytes_of("x")) == 1);
    }
    IoBuffer in{*space, here + page_size - 4, 8};
    CHECK(in.put(test::bytes_of("abcdefgh")) == 8);
    CHECK(text_at(*space, here + page_size - 4, 8) == "abcdefgh");
    IoBuffer out{*space, here + page_size - 4, 8};
    std::string text(8, '?');
    CHECK(out.take(test::bytes_of(text)) == 8);
    CHECK(text == "abcdefgh");
  }
}
