// Files whose text is generated when they are opened, with little memory, and with fragmented
// memory.
#include <string_view>
#include <vector>

#include "files/regular_file.h"
#include "memory/frames.h"
#include "support.h"

using hal::page_size;
using kernel::TextFile;
using kernel::memory::frames;
using kernel::memory::Use;
using test::Errno;

namespace {

constexpr std::size_t lines = 10'000;
constexpr std::string_view line = "line\n";

/// A text of 50,000 bytes.
auto make_text_file() {
  return kernel::make_ref<TextFile>([](auto& out) {
    for (std::size_t i = 0; i < lines; ++i) out += line;
  });
}

/// Holds all frames but `left`.
class FullMemory {
 public:
  explicit FullMemory(std::size_t left) {
    while (frames.free_count() > left) taken_.push_back(frames.allocate(Use::kernel));
  }
  ~FullMemory() {
    for (const hal::PhysAddr frame : taken_) frames.drop(frame);
  }
  /// Frees the held frames with even numbers: no two of them are neighbours.
  void give_back_every_second() {
    for (hal::PhysAddr& frame : taken_) {
      if (frame / page_size % 2 == 0) frames.drop(std::exchange(frame, 0));
    }
    std::erase(taken_, 0);
  }

 private:
  std::vector<hal::PhysAddr> taken_;
};

}  // namespace

TEST_CASE("a text without enough memory is ENOMEM and frees what it took") {
  test::Machine machine{4 << 20};
  const auto node = make_text_file();
  const auto file = *node->open(abi::o_rdonly);
  const FullMemory full{6};
  CHECK(test::read(*file, 10).error() == Errno::enomem);
  CHECK(frames.free_count() == 6);
}

TEST_CASE("a text may be longer than any free block of memory") {
  test::Machine machine{4 << 20};
  const auto node = make_text_file();
  FullMemory full{0};
  full.give_back_every_second();
  REQUIRE_FALSE(frames.has_block(1));
  const std::size_t free_before = frames.free_count();
  {
    const auto file = *node->open(abi::o_rdonly);
    CHECK(frames.free_count() == free_before);
    std::string expected;
    for (std::size_t i = 0; i < lines; ++i) expected += line;
    CHECK(test::read(*file, 3 * page_size) == expected.substr(0, 3 * page_size));
    CHECK(free_before - frames.free_count() == (lines * line.size() + page_size - 1) / page_size);
    CHECK(test::read(*file, 100'000) == expected.substr(3 * page_size));
    CHECK(test::read(*file, 1) == "");
    const auto end = static_cast<std::int64_t>(expected.size());
    CHECK(file->seek(end - 7, abi::seek_set) == end - 7);
    CHECK(test::read(*file, 100) == "e\nline\n");
  }
  CHECK(frames.free_count() == free_before);
}
