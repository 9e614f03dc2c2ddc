// The program's handler of exceptions decides whether the coroutine repeats the instruction
// (Verdict::retry) or is abandoned (Verdict::leave).
#include "upcalls.h"

namespace upcalls {
namespace {

using abi::Signal;

// A handler that fills missing pages of a region from the disk.
struct Pager {
  static constexpr std::size_t pages = 16;

  static Task<Verdict> handle(Exception exception) {
    const std::size_t offset = exception.address - address(memory);
    if (offset >= pages * page_bytes) co_return Verdict::die;
    const std::size_t at = offset / page_bytes * page_bytes;
    alignas(8) std::array<std::byte, page_bytes> bytes;
    must(co_await sys::read_at(disk, bytes, at), "reading");
    must(protect_memory(memory + at, page_bytes, abi::prot_read | abi::prot_write), "a page");
    std::ranges::copy(bytes, memory + at);
    ++paged;
    co_return Verdict::retry;
  }

  static inline Fd disk = -1;
  static inline std::byte* memory = nullptr;
  static inline std::size_t paged = 0;
};

Task<> page_in() {
  const auto sums_of = [](std::size_t first) -> Task<> {
    const auto* const numbers = reinterpret_cast<const volatile std::uint64_t*>(Pager::memory);
    for (std::size_t page = first; page < Pager::pages; page += 3) {
      const std::size_t place = page * per_page + page;
      check(numbers[place] == place * factor, "the number at {}", place);
    }
    co_return;
  };
  bool over = false;
  co_await async::when_all(hold_a_number(over), [](bool& over, auto sums_of) -> Task<> {
    co_await async::when_all(sums_of(0), sums_of(1), sums_of(2));
    over = true;
  }(over, sums_of));
  check(Pager::paged == Pager::pages, "each page is missing once: {}", Pager::paged);
  check(upcall_counts().exceptions == Pager::pages, "each exception is counted");
}

void paged() {
  Pager::disk = must(open("/dev/vda"), "/dev/vda");
  Pager::memory = must(map_memory(Pager::pages * page_bytes, abi::prot_none), "a region");
  run(page_in(), {.on_exception = Pager::handle});
}

// 40 coroutines touch inaccessible pages, but the program has only 16 contexts for coroutines that
// an exception stopped. When more than half of the contexts are in use, the jobs that can free one
// run first, so the contexts suffice.
Task<> page_in_together() {
  constexpr std::size_t pages = 40;
  const auto touch_one = [](std::byte* page) -> Task<> {
    *reinterpret_cast<volatile std::byte*>(page) = std::byte{1};
    co_return;
  };
  for (int round = 0; round < 5; ++round) {
    const auto region = must(map_memory(pages * page_bytes, abi::prot_none), "a region");
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      for (std::size_t i = 0; i < pages; ++i) scope.spawn(touch_one(region + i * page_bytes));
      co_return;
    });
    must(unmap_memory(region, pages * page_bytes), "unmapping");
  }
  check(upcall_counts().exceptions == 5 * pages, "each exception is counted");
}

Task<Verdict> allow_page(Exception exception) {
  void* const page = reinterpret_cast<void*>(exception.address / page_bytes * page_bytes);
  must(protect_memory(page, page_bytes, abi::prot_read | abi::prot_write), "a page");
  co_return Verdict::retry;
}

bool is_enough = false;

Task<Verdict> wait_and_leave(Exception) {
  while (!is_enough) co_await async::sleep_for(1ms);
  co_return Verdict::leave;
}

// Eight page-ins and seven exceptions hold 15 of the 16 contexts. Attempts that fail meanwhile need
// no context.
Task<> use_all_contexts() {
  const Disk disk = map_disk();
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::size_t page = 0; page < 8; ++page) scope.spawn(touch(disk, 2 * page));
    co_await async::yield();
    for (int i = 0; i < 7; ++i) {
      async::spawn(do_wrong()).detach();
    }
    co_await async::yield();
    for (int i = 0; i < 100; ++i) {
      check(!attempt(read_nowhere), "an attempt fails");
      co_await async::yield();
    }
  });
  is_enough = true;
  co_await async::sleep_for(5ms);
  check(upcall_counts().exceptions == 107, "each exception is counted");
}

Task<Verdict> never_ready(Exception) {
  co_await async::sleep_for(1h);
  co_return Verdict::retry;
}

// The first step that stops keeps the thread's own stack. run() must still return on that stack.
Task<> end_beside_stopped() {
  async::spawn(do_wrong()).detach();
  co_await async::yield();
  co_await async::sleep_for(1ms);
}

void together() {
  run(page_in_together(), {.on_exception = allow_page});
  run(use_all_contexts(), {.on_exception = wait_and_leave});
  for (int i = 0; i < 3; ++i) run(end_beside_stopped(), {.on_exception = never_ready});
}

int left_count = 0;

Task<Verdict> leave(Exception exception) {
  check(exception.signal == Signal::sigsegv, "the handler gets the signal");
  ++left_count;
  co_return Verdict::leave;
}

Task<> leave_some() {
  constexpr int some = 40;
  int good = 0;
  left_count = 0;
  for (int i = 0; i < some; ++i) {
    async::spawn([]() -> Task<> {
      co_await async::yield();
      const Guarded<Counted> object;
      read_nowhere();
      fail("the coroutine never continues");
    }())
        .detach();
    async::spawn([](int& good) -> Task<> {
      co_await async::yield();
      ++good;
    }(good))
        .detach();
    co_await async::sleep_for(100us);
  }
  while (left_count < some || good < some) co_await async::sleep_for(100us);
  check(Counted::live == 0, "{} objects of abandoned coroutines live", Counted::live);
}

Task<> leave_first() {
  async::spawn(do_wrong()).detach();
  co_await async::yield();
  co_await touch(map_disk(), 3);
}

Task<> wait_for_left() {
  auto left = async::spawn(do_wrong());
  co_await async::sleep_for(1ms);
  left.cancel();
  co_await async::sleep_for(1ms);
  check(!left.done(), "an abandoned coroutine never ends");
  left.detach();
}

void left() {
  for (int round = 0; round < 3; ++round) {
    run(leave_some(), {.on_exception = leave});
    run(leave_first(), {.on_exception = leave});
    run(wait_for_left(), {.on_exception = leave});
  }
}

}  // namespace

std::span<const Part> handled_exceptions() {
  static constexpr Part parts[] = {
      {"paged", paged},
      {"together", together},
      {"left", left},
  };
  return parts;
}

}  // namespace upcalls
