// The heap and the frame allocator while several harts run: caches of harts, and memory that comes
// back from them.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "memory/heap.h"
#include "smp_machine.h"

namespace {

using async::Strand;
using hal::page_size;
using hal::PhysAddr;
using kernel::memory::frames;
using kernel::memory::Use;
using test::on_harts;
using test::SmpMachine;
namespace heap = kernel::memory::heap;
namespace platform = async::platform;

/// Runs `use` as if it ran on another hart. In the strand.
template <class Use>
auto on_hart(unsigned number, Use use) {
  hal::fake::here = number;
  auto result = use();
  hal::fake::here = 0;
  return result;
}

std::vector<PhysAddr> take_all(Use use) {
  std::vector<PhysAddr> all;
  while (const PhysAddr frame = frames.allocate(use)) all.push_back(frame);
  return all;
}

void drop_all(std::span<const PhysAddr> all) {
  for (const PhysAddr frame : all) frames.drop(frame);
}

}  // namespace

TEST_CASE("a hart in the strand gets the frames that other harts have cached") {
  const SmpMachine machine(4 << 20);
  const Strand::Guard strand;
  const std::size_t count = frames.free_count();
  for (const Use use : {Use::kernel, Use::user}) {
    const auto first = on_hart(1, [=] { return take_all(use); });
    CHECK(first.size() == count);
    CHECK(std::set(first.begin(), first.end()).size() == count);
    on_hart(1, [&] { return drop_all(first), 0; });
    CHECK(frames.free_count() == count);
    const auto second = take_all(use);
    CHECK(second.size() == count);
    drop_all(second);
  }
}

TEST_CASE("a hart that shares the strand does not get the frames that other harts have cached") {
  const SmpMachine machine(4 << 20);
  std::vector<PhysAddr> all;
  {
    const Strand::Guard strand;
    all = take_all(Use::kernel);
    for (int i = 0; i < 15; ++i) {
      on_hart(1, [&] { return frames.drop(all.back()), 0; });
      all.pop_back();
    }
    CHECK(frames.free_count() == 15);
  }
  {
    Strand::Sharing sharing;
    sharing.tell();
    CHECK(frames.allocate(Use::kernel) == 0);
    CHECK(frames.allocate_zeroed(Use::user) == 0);
  }
  const Strand::Guard strand;
  CHECK(kernel::memory::can_allocate(15 * page_size));
  const PhysAddr frame = frames.allocate(Use::user);
  CHECK(frame != 0);
  frames.drop(frame);
  drop_all(all);
}

TEST_CASE("the caches of harts hold no frames of the reserve") {
  const SmpMachine machine(4 << 20);
  const Strand::Guard strand;
  frames.grow_reserve(100 * page_size);
  const std::size_t reserved = frames.reserve();
  CHECK(reserved >= 100);  // the hart also reserves some in advance
  const auto of_programs = on_hart(1, [] { return take_all(Use::user); });
  CHECK(frames.free_count() == reserved);
  const PhysAddr of_kernel = frames.allocate(Use::kernel);
  CHECK(frames.is_scarce());
  CHECK(frames.allocate_zeroed(Use::user) == 0);
  frames.drop(of_programs.back());  // fills the reserve
  CHECK(frames.allocate(Use::user) == 0);
  const auto reserve = take_all(Use::kernel);
  CHECK(reserve.size() == reserved);
  frames.grow_reserve(-100 * static_cast<std::ptrdiff_t>(page_size));
  for (const PhysAddr frame : std::span{of_programs}.first(of_programs.size() - 1)) {
    frames.drop(frame);
  }
  frames.drop(of_kernel);
  drop_all(reserve);
}

TEST_CASE("memory is plenty until fewer frames than the limit are free") {
  const SmpMachine machine;
  constexpr std::size_t plenty = kernel::memory::FrameAllocator::plenty;
  const Strand::Guard strand;
  CHECK(frames.has_plenty());
  std::vector<PhysAddr> taken;
  while (frames.has_plenty()) taken.push_back(frames.allocate(Use::user));
  CHECK(frames.uncached_for_user() < plenty);
  CHECK(frames.uncached_for_user() >= plenty - 32);  // a batch for the hart's cache
  CHECK(kernel::memory::can_allocate(frames.uncached_for_user() * page_size));
  const auto rest = take_all(Use::user);
  CHECK_FALSE(kernel::memory::can_allocate(page_size));
  drop_all(rest);
  CHECK_FALSE(frames.has_plenty());
  drop_all(taken);
  CHECK(frames.has_plenty());
}

TEST_CASE("harts that share the strand get different objects and frames") {
  const SmpMachine machine;
  constexpr unsigned harts = 3;
  constexpr int rounds = 3000;
  struct Object {
    std::byte* bytes;
    std::size_t size;
    std::byte pattern;
  };
  std::mutex mutex;
  std::vector<Object> passed;  // from hart to hart
  std::size_t turns = 0;
  const auto check = [](const Object& object) {
    for (std::size_t i = 0; i < object.size; ++i) {
      if (object.bytes[i] != object.pattern) platform::fail("an object has changed");
    }
  };
  // Leaves `object` for another hart, and returns one that a hart has left, if they are many.
  const auto pass = [&](const Object& object) {
    const std::lock_guard lock{mutex};
    if (passed.size() < 20) {
      passed.push_back(object);
      return std::optional<Object>{};
    }
    return std::optional{std::exchange(passed[++turns % passed.size()], object)};
  };
  const auto work = [&](unsigned number) {
    test::Random random{number};
    std::vector<PhysAddr> pages;
    for (int round = 0; round < rounds; ++round) {
      if (round % 100 == 99) {
        const Strand::Guard strand;
        heap::trim();
        frames.empty_caches();
      }
      Strand::Sharing sharing;
      sharing.tell();
      const std::size_t size = 1 + random.below(random.below(20) == 0 ? 6000 : 600);
      const auto pattern = static_cast<std::byte>(random.below(256));
      auto* const bytes = static_cast<std::byte*>(heap::allocate_smp(size));
      std::memset(bytes, static_cast<int>(pattern), size);
      if (const auto other = pass({bytes, size, pattern})) {
        check(*other);
        heap::release_smp(other->bytes);
      }
      if (random.below(2) == 0) {
        const PhysAddr page = frames.allocate_zeroed(Use::user);
        if (*hal::phys_to_virt<std::uint64_t>(page) != 0) platform::fail("not zero");
        *hal::phys_to_virt<std::uint64_t>(page) = 1;
        pages.push_back(page);
      } else if (!pages.empty()) {
        frames.drop(pages.back());
        pages.pop_back();
      }
    }
    const Strand::Guard strand;
    drop_all(pages);
  };
  on_harts(harts, work);
  const Strand::Guard strand;
  for (const Object& object : passed) heap::release_smp(object.bytes);
}
