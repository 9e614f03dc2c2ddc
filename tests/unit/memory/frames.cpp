// The frame allocator: no frame is allocated twice or lost, and reserved ranges stay untouched.
#include "memory/frames.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <set>
#include <vector>

#include "machine.h"

using hal::page_size;
using hal::PhysAddr;
using hal::fake::ram_base;
using kernel::memory::Frame;
using kernel::memory::FrameAllocator;
using kernel::memory::frames;
using kernel::memory::Use;

namespace {

constexpr std::size_t mib = 1 << 20;

}  // namespace

TEST_CASE("every frame is handed out exactly once, until none is left") {
  test::Machine machine;
  std::set<PhysAddr> seen;
  const std::size_t count = frames.free_count();
  while (const PhysAddr frame = frames.allocate(Use::kernel)) {
    CHECK(frame % page_size == 0);
    CHECK(seen.insert(frame).second);
  }
  CHECK(seen.size() == count);
  CHECK(frames.free_count() == 0);
  for (const PhysAddr frame : seen) frames.drop(frame);
}

TEST_CASE("a frame is free again after its last owner released it") {
  test::Machine machine;
  const std::size_t before = frames.free_count();
  {
    Frame first = Frame::allocate(Use::user);
    CHECK(frames.free_count() == before - 1);
    {
      const Frame second = first.share();
      CHECK(frames.shared(first.address()));
    }
    CHECK_FALSE(frames.shared(first.address()));
    const Frame moved = std::move(first);
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move)
    CHECK(frames.free_count() == before - 1);
  }
  CHECK(frames.free_count() == before);
}

TEST_CASE("a zeroed frame is zero whatever its previous contents") {
  test::Machine machine;
  for (int round = 0; round < 3; ++round) {
    const Frame frame = Frame::allocate_zeroed(Use::user);
    CHECK(std::all_of(frame.bytes(), frame.bytes() + page_size,
                      [](std::byte byte) { return byte == std::byte{0}; }));
    std::fill_n(frame.bytes(), page_size, std::byte{0xff});
  }
}

TEST_CASE("a frame returned as zeros is handed out again without being cleared") {
  test::Machine machine;
  const PhysAddr frame = frames.allocate_zeroed(Use::kernel);
  frames.drop_zeroed(frame);
  CHECK(frames.allocate_zeroed(Use::kernel) == frame);
  frames.drop(frame);
}

TEST_CASE("programs cannot use the reserve, the kernel can") {
  test::Machine machine(4 * mib);
  frames.grow_reserve(100 * page_size);
  std::vector<PhysAddr> taken;
  while (const PhysAddr frame = frames.allocate(Use::user)) taken.push_back(frame);
  CHECK(frames.free_count() == 100);
  CHECK(frames.free_for_user() == 0);
  CHECK_FALSE(kernel::memory::can_allocate(1));
  CHECK(frames.allocate_zeroed(Use::user) == 0);
  const PhysAddr last = frames.allocate(Use::kernel);
  CHECK(last != 0);
  frames.drop(last);
  for (const PhysAddr frame : taken) frames.drop(frame);
  frames.grow_reserve(-100 * static_cast<std::ptrdiff_t>(page_size));
  CHECK(kernel::memory::can_allocate(1));
}

TEST_CASE("the reserve is counted in bytes and rounded up to pages") {
  test::Machine machine(4 * mib);
  frames.grow_reserve(page_size / 2);
  CHECK(frames.reserve() == 1);
  frames.grow_reserve(page_size / 2);
  CHECK(frames.reserve() == 1);
  frames.grow_reserve(1);
  CHECK(frames.reserve() == 2);
}

TEST_CASE("blocks are aligned to their size and do not overlap") {
  test::Machine machine;
  std::vector<std::pair<PhysAddr, unsigned>> blocks;
  for (unsigned order = 0; order <= FrameAllocator::max_order; ++order) {
    const PhysAddr block = frames.allocate_block(order);
    REQUIRE(block != 0);
    CHECK(block % (page_size << order) == 0);
    blocks.emplace_back(block, order);
  }
  std::ranges::sort(blocks);
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    CHECK(blocks[i - 1].first + (page_size << blocks[i - 1].second) <= blocks[i].first);
  }
  for (const auto& [block, order] : blocks) frames.free_block(block, order);
  CHECK(frames.allocate_block(FrameAllocator::max_order + 1) == 0);
}

TEST_CASE("single frames merge back into blocks when a block is needed") {
  test::Machine machine(8 * mib);
  std::vector<PhysAddr> singles;
  while (const PhysAddr frame = frames.allocate(Use::kernel)) singles.push_back(frame);
  CHECK(frames.allocate_block(0) == 0);
  test::Random random(7);
  for (std::size_t i = singles.size(); i > 1; --i)
    std::swap(singles[i - 1], singles[random.below(i)]);
  for (const PhysAddr frame : singles) frames.drop(frame);
  std::vector<PhysAddr> large;
  while (const PhysAddr block = frames.allocate_block(9)) large.push_back(block);
  CHECK(large.size() == 3);  // the fourth block of 2 MiB holds the bookkeeping
  for (const PhysAddr block : large) frames.free_block(block, 9);
}

TEST_CASE("scattered free frames do not make room for a large object") {
  test::Machine machine(4 * mib);
  std::vector<PhysAddr> singles;
  while (const PhysAddr frame = frames.allocate(Use::kernel)) singles.push_back(frame);
  std::ranges::sort(singles);
  for (std::size_t i = 0; i < singles.size(); i += 2) frames.drop(singles[i]);
  CHECK(kernel::memory::can_allocate(10 * page_size));
  CHECK(kernel::memory::can_allocate_contiguous(page_size));
  CHECK_FALSE(kernel::memory::can_allocate_contiguous(page_size + 1));
  for (std::size_t i = 1; i < singles.size(); i += 2) frames.drop(singles[i]);
  CHECK(kernel::memory::can_allocate_contiguous(2 * mib));
  CHECK_FALSE(kernel::memory::can_allocate_contiguous(2 * mib + 1));
  CHECK_FALSE(kernel::memory::can_allocate_contiguous(~std::size_t{0}));
}

TEST_CASE("zeroed frames merge back into blocks, too") {
  test::Machine machine(4 * mib);
  std::vector<PhysAddr> singles;
  while (const PhysAddr frame = frames.allocate_zeroed(Use::kernel)) singles.push_back(frame);
  for (const PhysAddr frame : singles) frames.drop_zeroed(frame);
  const PhysAddr block = frames.allocate_block(9);
  CHECK(block != 0);
  frames.free_block(block, 9);
}

TEST_CASE("reserved ranges and partial pages at the edges are never handed out") {
  // RAM contains old data that looks like the allocator's free frames.
  const kernel::memory::FrameInfo lure = {.links = {.next = 1, .previous = 1},
                                          .state = kernel::memory::FrameInfo::State::free_block};
  for (std::size_t at = 0; at < 16 * mib; at += sizeof lure) {
    std::memcpy(hal::fake::ram + at, &lure, sizeof lure);
  }
  FrameAllocator own;
  const std::array memory = {
      hal::MemoryRange{ram_base + 0x800, 5 * mib},              // starts inside a page
      hal::MemoryRange{ram_base + 8 * mib, 3 * mib + 0x1234}};  // ends inside a page
  const std::array reserved = {
      hal::MemoryRange{ram_base, 0x2000},                // overlaps the start
      hal::MemoryRange{ram_base + mib + 1, 1},           // one byte costs a page
      hal::MemoryRange{ram_base + 3 * mib, 0x10000},     // in the middle
      hal::MemoryRange{ram_base + 10 * mib, 20 * mib}};  // beyond the end of memory
  REQUIRE(own.initialize(memory, reserved));
  const auto usable = [&](PhysAddr frame) {
    const auto within = [&](const hal::MemoryRange& range) {
      return frame >= range.base && frame + page_size <= range.end();
    };
    const auto touches = [&](const hal::MemoryRange& range) {
      return frame < range.end() && frame + page_size > range.base;
    };
    return std::ranges::any_of(memory, within) && std::ranges::none_of(reserved, touches);
  };
  std::set<PhysAddr> seen;
  while (const PhysAddr frame = own.allocate(Use::kernel)) {
    CHECK(usable(frame));
    CHECK(seen.insert(frame).second);
  }
  std::size_t expected = 0;
  for (PhysAddr frame = ram_base; frame < ram_base + 16 * mib; frame += page_size) {
    expected += usable(frame);
  }
  const std::size_t bookkeeping = expected - own.total_count();
  CHECK(bookkeeping <= 48);  // 64 bytes per frame, for 12 MiB
  CHECK(seen.size() == own.total_count());
  for (const PhysAddr frame : seen) own.drop(frame);
  // Freed frames at the edge of usable memory must not merge with frames beyond it.
  while (const PhysAddr block = own.allocate_block(4)) {
    for (unsigned i = 0; i < 16; ++i) CHECK(usable(block + i * page_size));
  }
}

TEST_CASE("memory that is reserved as a whole is rejected") {
  FrameAllocator own;
  const std::array memory = {hal::MemoryRange{ram_base, mib}};
  CHECK_FALSE(own.initialize(memory, memory));
  CHECK_FALSE(own.initialize({}, {}));
}

TEST_CASE("random blocks never overlap, and all memory comes back") {
  test::Machine machine(8 * mib);
  test::Random random(1);
  std::vector<std::pair<PhysAddr, unsigned>> held;
  std::vector<bool> used(8 * mib / page_size);
  const auto mark = [&](PhysAddr block, unsigned order, bool value) {
    for (std::size_t i = 0; i < std::size_t{1} << order; ++i) {
      const std::size_t index = (block - ram_base) / page_size + i;
      REQUIRE(used[index] != value);
      used[index] = value;
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    if (held.empty() || random.below(100) < 52) {
      const auto order = static_cast<unsigned>(random.below(8));
      const PhysAddr block =
          order == 0 ? frames.allocate(Use::kernel) : frames.allocate_block(order);
      if (block == 0) continue;
      mark(block, order, true);
      held.emplace_back(block, order);
    } else {
      std::swap(held[random.below(held.size())], held.back());
      const auto [block, order] = held.back();
      held.pop_back();
      mark(block, order, false);
      order == 0 ? frames.drop(block) : frames.free_block(block, order);
    }
  }
  for (const auto& [block, order] : held) frames.free_block(block, order);
}
