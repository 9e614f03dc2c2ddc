// One address space on several harts. Each hart's TLB keeps entries until it is flushed.

#include <hal/remote.h>
#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <semaphore>
#include <thread>

#include "memory/frames.h"
#include "memory/tlb_tag.h"
#include "spaces.h"

using hal::Access;
using hal::page_size;
using kernel::AddressSpace;
using kernel::Ref;
using kernel::memory::MapRequest;
using kernel::memory::TlbTag;
using test::read_write;

namespace {

constexpr hal::VirtAddr page = 0x1000'0000;

/// A hart of the test machine. It is a thread, because per-hart data is thread_local. One hart acts
/// at a time; the others wait.
class Hart {
 public:
  explicit Hart(unsigned number)
      : thread_{[this, number] {
          hal::fake::here = number;
          TlbTag::start_hart();
          for (;;) {
            done_.release();
            asked_.acquire();
            if (!action_) break;
            action_();
          }
          TlbTag::stop_hart();
        }} {
    done_.acquire();
  }
  ~Hart() { ask({}); }

  void run(std::function<void()> action) {
    ask(std::move(action));
    done_.acquire();
  }

 private:
  void ask(std::function<void()> action) {
    action_ = std::move(action);
    asked_.release();
  }

  std::function<void()> action_;
  std::binary_semaphore asked_{0}, done_{0};
  std::jthread thread_;
};

/// A machine with two harts, and a space with two pages; both harts have written to the first one.
struct Fixture {
  Fixture() {
    hal::fake::running = 2;
    for (auto& hart : hal::fake::harts) hart = {};
    on_first.run([this] {
      auto created = AddressSpace::create();
      REQUIRE(created.has_value());
      space = std::move(*created);
      MapRequest request{.address = page, .bytes = 2 * page_size, .access = read_write};
      REQUIRE(space->map(request).has_value());
      CHECK(test::store(*space, page, 1));
    });
    on_second.run([this] { CHECK(test::store(*space, page, 2)); });
  }
  ~Fixture() {
    on_first.run([] { test::leave_space(); });
    on_second.run([] { test::leave_space(); });
    space = nullptr;
    hal::fake::running = 1;
  }

  test::Machine machine;
  Hart on_first{0}, on_second{1};
  Ref<AddressSpace> space;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a page that one hart unmaps is out of reach of the others") {
  on_first.run([this] { REQUIRE(space->unmap(page, page_size).has_value()); });
  on_second.run([this] { CHECK_FALSE(test::store(*space, page, 3)); });
}

TEST_CASE_METHOD(Fixture, "a frame becomes free only after no hart can reach it") {
  on_first.run([this] {
    CHECK(test::store(*space, page + page_size, 1));
    const std::size_t before = kernel::memory::frames.free_count();
    REQUIRE(space->unmap(page, page_size).has_value());
    CHECK(test::free_at_remote_flush() == before);
    CHECK(kernel::memory::frames.free_count() == before + 1);
  });
}

TEST_CASE_METHOD(Fixture, "a page that one hart makes read-only cannot be written by others") {
  on_first.run([this] { REQUIRE(space->protect(page, page_size, Access::read).has_value()); });
  on_second.run([this] {
    CHECK_FALSE(test::store(*space, page, 3));
    CHECK(test::load(*space, page) == 2);
  });
}

TEST_CASE_METHOD(Fixture, "after a fork, no hart writes pages that the other space sees") {
  Ref<AddressSpace> child;
  on_first.run([&] { child = *space->fork(); });
  on_second.run([this] { CHECK(test::store(*space, page, 3)); });
  on_first.run([&] {
    CHECK(test::load(*child, page) == 2);
    CHECK(test::load(*space, page) == 3);
    test::leave_space();
    child = nullptr;
  });
}

TEST_CASE_METHOD(Fixture,
                 "a hart that ran another space meanwhile flushes stale translations on return") {
  on_second.run([] { test::leave_space(); });
  const auto before = hal::fake::harts[1].space_flushes;
  on_first.run([this] { REQUIRE(space->unmap(page, page_size).has_value()); });
  CHECK(hal::fake::harts[1].space_flushes == before);  // the other hart got no shootdown
  on_second.run([this] {
    CHECK_FALSE(test::store(*space, page, 3));
    CHECK(test::store(*space, page + page_size, 4));
  });
}

TEST_CASE_METHOD(
    Fixture,
    "a hart with stale translations still flushes them after it changed the space itself") {
  on_second.run([this] {
    CHECK(test::store(*space, page + page_size, 4));
    test::leave_space();
  });
  on_first.run([this] {
    REQUIRE(space->unmap(page, page_size).has_value());
    test::leave_space();
  });
  // A system call that has waited continues on that hart, and changes memory before its program
  // runs.
  on_second.run([this] {
    REQUIRE(space->unmap(page + page_size, page_size).has_value());
    CHECK_FALSE(test::store(*space, page, 3));
  });
}

TEST_CASE_METHOD(Fixture, "instructions written by one hart are executed by the other") {
  const auto before = hal::fake::harts[1].code_flushes;
  on_first.run([this] {
    REQUIRE(space->protect(page, page_size, Access::read | Access::execute).has_value());
    space->synchronize_code();
  });
  CHECK(hal::fake::harts[1].code_flushes == before + 1);
}

TEST_CASE_METHOD(Fixture, "a wrap-around of ASIDs does not reuse the ASID of a space in use") {
  on_first.run([] {
    kernel::memory::asids.initialize(2);
    hal::flush_all_remote(hal::running_harts());  // empty TLBs, as at boot
    test::leave_space();
  });
  on_second.run([this] { CHECK(test::store(*space, page, 5)); });  // the space has ASID 1 now
  on_first.run([] {
    for (int i = 0; i < 5; ++i) {
      auto other = AddressSpace::create();
      CHECK(((*other)->enter() >> 44 & 0xffff) != (i == 0 ? 0 : 1));
      test::leave_space();
    }
  });
  on_second.run([this] { CHECK(test::load(*space, page) == 5); });
}

TEST_CASE_METHOD(Fixture,
                 "a hart does not use ASIDs that it took in advance before a wrap-around") {
  using kernel::memory::asids;
  on_first.run([] {
    asids.initialize(8 * hal::max_harts);
    (void)asids.allocate();
    CHECK(asids.has_spare());
  });
  on_second.run([] {
    const auto generation = asids.generation();
    while (asids.generation() == generation) (void)asids.allocate();
  });
  on_first.run([] { CHECK_FALSE(asids.has_spare()); });
}
