// Page-ins that coroutines wait for.
#include "upcalls.h"

#include <optional>

namespace upcalls {
namespace {

// A function's registers keep their values while other coroutines run.
double sum_of_pages(Disk disk, std::size_t first, std::size_t count) {
  double sum = 0.5, product = 1;
  for (std::size_t page = first; page < first + count; ++page) {
    sum += static_cast<double>(disk[page * per_page] / factor);
    product *= 1.25;
  }
  return sum + product;
}

Task<> add_up(Disk disk, std::size_t first) {
  constexpr std::size_t count = 4;
  double expected = 0.5, product = 1;
  for (std::size_t page = first; page < first + count; ++page) {
    expected += static_cast<double>(page * per_page * factor / factor);
    product *= 1.25;
  }
  check(sum_of_pages(disk, first, count) == expected + product, "the sum of pages is right");
  co_return;
}

Task<> registers() {
  const Disk disk = map_disk();
  bool over = false;
  co_await async::when_all(hold_a_number(over), [](Disk disk, bool& over) -> Task<> {
    co_await async::when_all(add_up(disk, 0), add_up(disk, 4), add_up(disk, 8));
    over = true;
  }(disk, over));
  check(upcall_counts().pages == 12, "each page-in stops one coroutine");
}

Task<> round_down(Disk disk, bool& over) {
  set_rounding_mode(2);
  check_page(disk, 5);
  check(rounding_mode() == 2, "a stopped coroutine keeps its rounding mode");
  set_rounding_mode(0);
  over = true;
  co_return;
}

// A coroutine that stops with another rounding mode does not affect the others.
Task<> modes() {
  bool over = false;
  co_await async::when_all(round_down(map_disk(), over), [](const bool& over) -> Task<> {
    while (!over) {
      check(rounding_mode() == 0, "other coroutines keep their rounding mode");
      co_await async::yield();
    }
  }(over));
  const auto failed = attempt([] {
    set_rounding_mode(3);
    read_nowhere();
  });
  check(!failed && rounding_mode() == 0, "a failed attempt restores the rounding mode");
}

// More page-ins than contexts for them: then the whole thread waits.
Task<> many() {
  const Disk disk = map_disk();
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::size_t page = 0; page < disk_pages; ++page) scope.spawn(touch(disk, page));
    co_return;
  });
  for (std::size_t page = 0; page < disk_pages; ++page) check_page(disk, page);
}

Task<> touch_all(Disk disk, std::size_t& seen) {
  for (std::size_t page = 0; page < disk_pages && !async::is_cancelled(); ++page) {
    check_page(disk, page);
    ++seen;
    co_await async::sleep_for(1us);
  }
}

// A cancelled step that waits for a page-in ends only at its next await.
Task<> cut_short() {
  std::size_t seen = 0;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    scope.spawn(touch_all(map_disk(), seen));
    // touch_all() begins its first page-in. The cancellation comes before it touches a second page.
    co_await async::yield();
    scope.cancel();
  });
  check(seen == 1, "the cancelled coroutine ends after its first page, not {}", seen);

  async::Event never;
  const auto touch_and_wait = [&](Disk disk) -> Task<bool> {
    check_page(disk, 7);
    co_return co_await never.wait("nothing") == async::WaitResult::timed_out;
  };
  const auto result = co_await async::with_deadline(async::now() + 1ms, touch_and_wait(map_disk()));
  check(!result.has_value(), "a deadline that passes in a page-in times out");
}

Task<> touch_with_object(Disk disk, std::size_t page) {
  const Guarded<Counted> object;
  check_page(disk, page);
  co_return;
}

Task<> leave_behind(Disk disk) {
  async::spawn(touch_with_object(disk, 0)).detach();
  async::spawn(touch_with_object(disk, 2)).detach();
  co_await async::yield();
}

void left_behind() {
  for (int i = 0; i < 5; ++i) {
    run(leave_behind(map_disk()));
    check(Counted::live == 0, "{} objects of abandoned coroutines live", Counted::live);
    run(many());
  }
}

constexpr std::size_t pages_read = 8;

// `elsewhere`: how many page-ins another hart than this thread's must serve; empty: any number.
Task<> read_pages(Disk disk, std::optional<std::uint64_t> elsewhere) {
  for (std::size_t page = 0; page < pages_read; ++page) check_page(disk, page);
  const UpcallCounts counts = upcall_counts();
  check(counts.pages == pages_read, "{} page-ins stop the coroutine", counts.pages);
  check(counts.pages_elsewhere == elsewhere.value_or(counts.pages_elsewhere),
        "another hart serves {} page-ins", counts.pages_elsewhere);
  co_return;
}

// The program chooses the harts that serve its page-ins. A choice of no hart is none.
void served_where_chosen() {
  constexpr std::uint64_t last = std::uint64_t{1} << 63;
  const bool has_another = must(affinity(0), "affinity") != 1;
  must(set_affinity(0, 1), "hart 0");
  run(read_pages(map_disk(), 0), {.fault_harts = 1});
  run(read_pages(map_disk(), has_another ? pages_read : 0), {.fault_harts = 2});
  run(read_pages(map_disk(), {}), {.fault_harts = last});
}

}  // namespace

std::span<const Part> pages() {
  static constexpr Part parts[] = {
      {"registers", [] { run(registers()); }},
      {"modes", [] { run(modes()); }},
      {"many", [] { run(many()); }},
      {"cut-short", [] { run(cut_short()); }},
      {"left-behind", left_behind},
      {"served-where-chosen", served_where_chosen},
  };
  return parts;
}

}  // namespace upcalls
