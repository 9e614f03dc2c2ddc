// Compares address spaces with a simple model that works page by page. It makes random sequences of
// all operations of a program, on several related spaces at a time. The TLB drops no entries by
// itself.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "spaces.h"

using namespace test;

namespace {

// Around a 2 MiB and a 1 GiB boundary, so that ranges cross tables.
constexpr std::size_t pages_in_play = 48;
constexpr VirtAddr base = 0x4000'0000 - pages_in_play / 2 * page_size;
constexpr VirtAddr address_of(std::size_t page) {
  return base + page * page_size;
}
constexpr std::size_t file_pages = 8;

/// One byte stands for the contents of a page. Shared pages have one byte in common.
struct ModelPage {
  Access access;
  std::uint8_t initial = 0;  // its value after the page is dropped
  std::shared_ptr<std::uint8_t> value;
  bool shared = false;
};
using Model = std::map<std::size_t, ModelPage>;

struct Pair {
  Ref<AddressSpace> space;
  Model model;
};

Model copy_of(const Model& model) {
  Model copy = model;
  for (auto& [number, page] : copy) {
    if (!page.shared) page.value = std::make_shared<std::uint8_t>(*page.value);
  }
  return copy;
}

class Play {
 public:
  Play(std::uint64_t seed, std::span<const std::byte> file, bool memory_is_tight)
      : random_(seed), file_(file), tight_(memory_is_tight) {
    pairs_.push_back({*AddressSpace::create(), {}});
  }

  void step() {
    Pair& pair = pairs_[random_.below(pairs_.size())];
    switch (random_.below(16)) {
      case 0: return map_private(pair);
      case 1: return map_file(pair);
      case 2: return map_shared(pair);
      case 3: return unmap(pair);
      case 4: return protect(pair);
      case 5: return protect(pair);
      case 6: return discard(pair);
      case 7: return fork(pair);
      case 8: return leave(pair);
      default: return touch(pair, random_.below(pages_in_play));
    }
  }

  void compare_all() {
    for (Pair& pair : pairs_) {
      for (std::size_t page = 0; page < pages_in_play; ++page) check_load(pair, page);
    }
  }

 private:
  struct Range {
    std::size_t first;
    std::size_t count;
    VirtAddr start() const { return address_of(first); }
    std::size_t bytes() const { return count * page_size; }
    std::size_t end() const { return first + count; }
  };

  Range some_range(std::size_t most = 12) {
    const std::size_t count = 1 + random_.below(most);
    return {random_.below(pages_in_play - count + 1), count};
  }
  Access some_access() {
    constexpr Access choices[] = {Access::none, Access::read, Access::read | Access::write,
                                  Access::read | Access::write, Access::read | Access::execute};
    return choices[random_.below(std::size(choices))];
  }
  /// Returns whether the call succeeded; the only permitted error is ENOMEM, when memory is tight.
  template <class T>
  bool succeeded(const kernel::Result<T>& result) {
    if (!result) REQUIRE((tight_ && result.error() == Errno::enomem));
    return result.has_value();
  }

  bool map(Pair& pair, const Range& range, Access access, Backing backing) {
    if (!succeeded(pair.space->map({.address = range.start(),
                                    .bytes = range.bytes(),
                                    .access = access,
                                    .place = MapRequest::Place::exactly,
                                    .backing = std::move(backing)}))) {
      return false;
    }
    for (std::size_t page = range.first; page < range.end(); ++page) pair.model.erase(page);
    return true;
  }
  void map_private(Pair& pair) {
    const Range range = some_range();
    const Access access = some_access();
    if (!map(pair, range, access, {})) return;
    for (std::size_t page = range.first; page < range.end(); ++page) {
      pair.model[page] = {.access = access, .value = std::make_shared<std::uint8_t>(0)};
    }
  }
  void map_file(Pair& pair) {
    const Range range = some_range();
    const Access access = some_access();
    // Aligned parts of a file can be mapped in place, others must be copied.
    const std::size_t skip = random_.below(file_pages) * page_size + random_.below(2) * 16;
    const auto part = file_.subspan(skip);
    if (!map(pair, range, access, Backing::of_segment(part))) return;
    for (std::size_t i = 0; i < range.count; ++i) {
      const std::uint8_t initial =
          i * page_size < part.size() ? std::to_integer<std::uint8_t>(part[i * page_size]) : 0;
      pair.model[range.first + i] = {
          .access = access, .initial = initial, .value = std::make_shared<std::uint8_t>(initial)};
    }
  }
  void map_shared(Pair& pair) {
    const Range range = some_range();
    const Access access = some_access();
    if (!map(pair, range, access, Backing::of_shared(kernel::make_ref<SharedPages>(range.count)))) {
      return;
    }
    for (std::size_t page = range.first; page < range.end(); ++page) {
      pair.model[page] = {
          .access = access, .value = std::make_shared<std::uint8_t>(0), .shared = true};
    }
  }
  void unmap(Pair& pair) {
    const Range range = some_range();
    if (!succeeded(pair.space->unmap(range.start(), range.bytes()))) return;
    for (std::size_t page = range.first; page < range.end(); ++page) pair.model.erase(page);
  }
  void protect(Pair& pair) {
    const Range range = some_range();
    const Access access = some_access();
    const auto result = pair.space->protect(range.start(), range.bytes(), access);
    if (tight_ && !result && !kernel::memory::can_allocate(page_size)) return;
    bool gap = false;
    for (std::size_t page = range.first; page < range.end() && !gap; ++page) {
      const auto found = pair.model.find(page);
      gap = found == pair.model.end();
      if (!gap) found->second.access = access;
    }
    REQUIRE(result.has_value() == !gap);
  }
  void discard(Pair& pair) {
    const Range range = some_range(4);
    bool gap = false;
    for (std::size_t page = range.first; page < range.end(); ++page) {
      gap = gap || !pair.model.contains(page);
    }
    REQUIRE(pair.space->discard(range.start(), range.bytes()).has_value() == !gap);
    for (std::size_t page = range.first; page < range.end(); ++page) {
      const auto found = pair.model.find(page);
      if (found != pair.model.end() && !found->second.shared) {
        *found->second.value = found->second.initial;
      }
    }
  }
  void fork(Pair& pair) {
    if (pairs_.size() == 4) return;
    auto child = pair.space->fork();
    if (succeeded(child)) pairs_.push_back({*child, copy_of(pair.model)});
  }
  void leave(Pair& pair) {
    if (pairs_.size() == 1) return;
    std::swap(pair, pairs_.back());
    pairs_.pop_back();
  }
  void touch(Pair& pair, std::size_t page) {
    if (random_.below(2) == 0) return check_load(pair, page);
    const auto found = pair.model.find(page);
    const bool allowed = found != pair.model.end() && allows(found->second.access, Access::write);
    const auto value = static_cast<std::uint8_t>(random_.next());
    const bool stored = random_.below(2) == 0
                            ? test::store(*pair.space, address_of(page), value)
                            : test::store_by_kernel(*pair.space, address_of(page), value);
    if (stored) {
      REQUIRE(allowed);
      *found->second.value = value;
    } else {
      require_refused(allowed);
    }
    if (random_.below(4) == 0) {
      const bool executable =
          found != pair.model.end() && allows(found->second.access, Access::execute);
      if (!test::fetch(*pair.space, address_of(page))) {
        require_refused(executable);
      } else {
        REQUIRE(executable);
      }
    }
  }
  void check_load(Pair& pair, std::size_t page) {
    const auto found = pair.model.find(page);
    const bool allowed = found != pair.model.end() && allows(found->second.access, Access::read);
    const auto value = random_.below(2) == 0 ? test::load(*pair.space, address_of(page))
                                             : test::load_by_kernel(*pair.space, address_of(page));
    if (!value) return require_refused(allowed);
    REQUIRE(allowed);
    REQUIRE(*value == *found->second.value);
  }
  void require_refused(bool allowed) {
    if (allowed) REQUIRE((tight_ && test::refusal() == Errno::enomem));
  }

  Random random_;
  std::span<const std::byte> file_;
  bool tight_;
  std::vector<Pair> pairs_;
};

void play(std::uint64_t seed, std::size_t ram_bytes, bool tight, int steps) {
  test::Machine machine(ram_bytes);
  using kernel::memory::frames;
  const hal::PhysAddr block = frames.allocate_block(3);
  for (std::size_t i = 0; i < file_pages * page_size; ++i) {
    hal::phys_to_virt(block)[i] = static_cast<std::byte>(1 + i / 16);
  }
  std::vector<hal::PhysAddr> taken;
  while (tight && frames.free_count() > 60) {
    taken.push_back(frames.allocate(kernel::memory::Use::kernel));
  }
  if (tight) frames.grow_reserve(20 * page_size);
  {
    Play play(seed, std::span(hal::phys_to_virt(block), file_pages * page_size - 100), tight);
    for (int step = 0; step < steps; ++step) {
      play.step();
      if (step % 256 == 0) play.compare_all();
    }
    play.compare_all();
  }
  if (tight) frames.grow_reserve(-20 * static_cast<std::ptrdiff_t>(page_size));
  for (const hal::PhysAddr frame : taken) frames.drop(frame);
  frames.free_block(block, 3);
}

}  // namespace

TEST_CASE("random maps, forks and accesses agree with the model and leak no frame") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  play(static_cast<std::uint64_t>(seed), 8 << 20, false, 20'000);
}

TEST_CASE("in too little memory, every failure of the model test is reported and changes nothing") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  play(static_cast<std::uint64_t>(seed), 4 << 20, true, 10'000);
}
