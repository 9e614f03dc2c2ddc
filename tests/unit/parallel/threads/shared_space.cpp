// Threads of one program on several harts, which share the strand: one drops pages while another
// one uses them.
#include <atomic>
#include <cstdint>
#include <span>

#include "../../async/ends_normally.h"
#include "async/retired.h"
#include "memory/address_space.h"
#include "memory/frames.h"
#include "smp_machine.h"

namespace {

using kernel::AddressSpace;
using test::Access;
using test::page_size;
using test::Strand;
using test::VirtAddr;

constexpr int changes = 2'000;
constexpr VirtAddr page = test::here, other_page = test::here + 64 * page_size;
constexpr std::uint64_t stamp = ~std::uint64_t{0}, other_stamp = 1;

/// Calls `use` for each word of the page at `there`. Several harts use the words at the same time.
template <class Use>
void for_each_word(std::byte* there, Use use) {
  for (std::uint64_t& word : std::span{reinterpret_cast<std::uint64_t*>(there), page_size / 8})
    use(std::atomic_ref{word});
}

std::byte* look_up(AddressSpace& space, VirtAddr va, Access wanted) {
  std::byte* const known = space.tlb_lookup(va, wanted);
  return known != nullptr ? known : space.walk_sharing(va, wanted, false);
}

/// Stores to each word of a page, as a program does: faults the page in if necessary.
void fill(AddressSpace& space, VirtAddr va, std::uint64_t value) {
  Strand::Sharing sharing;
  sharing.tell();
  std::byte* there;
  while ((there = look_up(space, va, Access::write)) == nullptr) {
    if (!space.fault_in_use(va, Access::write)) async::platform::fail("no page");
  }
  for_each_word(there, [value](auto word) { word.store(value, std::memory_order_relaxed); });
}

void drop(AddressSpace& space, VirtAddr va) {
  Strand::Sharing sharing;
  sharing.tell();
  const async::RwLeafLock::Guard lock{space.lock()};
  if (!space.discard(va, page_size)) async::platform::fail("the page is not mapped");
}

/// Reads `page` as a system call does. Fails unless all of its words are zero or `stamp`.
void check_page(AddressSpace& space) {
  Strand::Sharing sharing;
  sharing.tell();
  std::byte* const there = look_up(space, page, Access::read);
  if (there == nullptr) return;
  for_each_word(there, [](auto word) {
    const std::uint64_t value = word.load(std::memory_order_relaxed);
    if (value != 0 && value != stamp) async::platform::fail("the frame has another use");
  });
}

/// A machine of four harts with a program that has both pages.
class ThreadedProgram {
 public:
  ThreadedProgram() {
    hal::fake::running = 4;
    const Strand::Guard strand;
    space = test::make_space();
    space->note_threads(2);
    REQUIRE(test::map_at(*space, page, page_size, test::read_write));
    REQUIRE(test::map_at(*space, other_page, page_size, test::read_write));
  }
  ~ThreadedProgram() {
    {
      const Strand::Guard strand;
      space = nullptr;
    }
    hal::fake::running = 1;
  }

  const test::SmpMachine machine;
  kernel::Ref<AddressSpace> space;
};

/// One hart calls change() again and again. Meanwhile two others check the page.
template <class Change>
void change_beside_readers(AddressSpace& space, Change change) {
  test::on_harts(3, [&](unsigned hart) {
    for (int round = 0; round < changes; ++round) hart == 1 ? change() : check_page(space);
    const Strand::Guard strand;
    async::Retired::destroy_own();
  });
}

}  // namespace

TEST_CASE("a frame that a hart drops gets no other use while harts share the strand") {
  const ThreadedProgram program;
  AddressSpace& space = *program.space;
  change_beside_readers(space, [&] {
    fill(space, page, stamp);
    drop(space, page);
    fill(space, other_page, other_stamp);
    drop(space, other_page);
  });
}

TEST_CASE(
    "a write that copies a page leaves the old frame as it is for harts that share the strand") {
  const ThreadedProgram program;
  AddressSpace& space = *program.space;
  kernel::Ref<AddressSpace> child;
  change_beside_readers(space, [&] {
    fill(space, page, stamp);
    {
      const Strand::Guard strand;
      child = *space.fork();
    }
    fill(space, page, stamp);
    const Strand::Guard strand;
    child = nullptr;
  });
}

namespace {

AddressSpace* parent_space = nullptr;
AddressSpace* child_space = nullptr;

/// The child gets its own copy of the page. Then another thread of the parent writes to the old
/// frame in place, and the entry becomes what it was before.
void write_in_place() {
  AddressSpace& space = *parent_space;
  if (!child_space->fault_own(page, Access::write) || !space.fault_in_use(page, Access::write))
    async::platform::fail("the frame has another owner");
  for_each_word(space.walk_sharing(page, Access::write, false),
                [](auto word) { word.store(other_stamp, std::memory_order_relaxed); });
  const async::RwLeafLock::Guard lock{space.lock()};
  if (!space.protect(page, page_size, Access::read) ||
      !space.protect(page, page_size, test::read_write))
    async::platform::fail("the rights do not change");
}

}  // namespace

TEST_CASE("a space that several threads use is changed under its lock, or in the strand") {
  const ThreadedProgram program;
  AddressSpace& space = *program.space;
  const auto drops = [&](bool under_lock) {
    return ends_normally([&] {
      Strand::Sharing sharing;
      sharing.tell();
      const async::RwLeafLock::GuardIf lock{space.lock(), under_lock};
      (void)space.discard(page, page_size);
    });
  };
  CHECK(drops(true));
  CHECK_FALSE(drops(false));
  CHECK(ends_normally([&] {
    const Strand::Guard strand;
    (void)space.discard(page, page_size);
  }));
  space.note_threads(-1);
  CHECK(drops(false));  // the only thread needs no lock
}

TEST_CASE("a hart takes frames in the strand, or while it shares the strand") {
  const ThreadedProgram program;
  const auto take = [] { (void)kernel::memory::frames.allocate(kernel::memory::Use::user); };
  CHECK(ends_normally([&] {
    const Strand::Sharing sharing;
    const Strand::Telling telling;
    take();
  }));
  CHECK(ends_normally([&] {
    const Strand::Guard strand;
    take();
  }));
  CHECK_FALSE(ends_normally(take));
}

TEST_CASE("a write to a page that another thread copies is not lost") {
  const ThreadedProgram program;
  AddressSpace& space = *program.space;
  kernel::Ref<AddressSpace> child;
  fill(space, page, stamp);
  {
    const Strand::Guard strand;
    child = *space.fork();
  }
  parent_space = &space;
  child_space = child.get();
  hal::fake::during_copy = write_in_place;
  {
    Strand::Sharing sharing;
    sharing.tell();
    CHECK(space.fault_in_use(page, Access::write));
    for_each_word(space.walk_sharing(page, Access::read, false), [](auto word) {
      if (word.load(std::memory_order_relaxed) != other_stamp)
        async::platform::fail("the write is lost");
    });
  }
  const Strand::Guard strand;
  child = nullptr;
}

TEST_CASE("harts that touch the same pages at the same time get one frame for each page") {
  const ThreadedProgram program;
  AddressSpace& space = *program.space;
  constexpr std::size_t pages = 16;
  {
    const Strand::Guard strand;
    REQUIRE(test::map_at(space, page + page_size, (pages - 1) * page_size, test::read_write));
  }
  test::on_harts(3, [&](unsigned hart) {
    for (int round = 0; round < changes / 10; ++round) {
      for (std::size_t i = 0; i != pages; ++i) fill(space, page + i * page_size, hart);
      if (hart != 3) continue;
      for (std::size_t i = 0; i != pages; i += 2) drop(space, page + i * page_size);
    }
    const Strand::Guard strand;
    async::Retired::destroy_own();
  });
  const Strand::Guard strand;
  std::size_t present = 0;
  for (std::size_t i = 0; i != pages; ++i)
    present += space.translate(page + i * page_size, Access::read) != nullptr ? 1 : 0;
  CHECK(present >= pages / 2);
  CHECK(space.resident() == present);
  CHECK(space.discard(page, pages * page_size));
  CHECK(space.resident() == 0);
}
