// A coroutine reads a mapping of a slow disk and stops at every page. Other coroutines of the same
// thread run meanwhile. On a machine with several harts another hart serves the page-ins.
#include <user/async.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/files.h>

#include <atomic>
#include <bit>

COTRAP_DEMO(.description =
                "a coroutine waits for a page of a slow disk while others of its thread run",
            .disk = true);

using namespace user;
using async::Task;

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t pages = 16;
constexpr int others = 3;

// Each number on the disk is its index times this.
constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;

struct Progress {
  // Steps of the other coroutines. Atomic, so that the compiler reloads it after the page fault.
  std::atomic<long> steps = 0;
  long while_waiting = 0;  // the part of `steps` made while the reader waited for page-ins
  bool is_over = false;
};

Task<> read_mapped(const volatile std::uint64_t* disk, Progress& progress) {
  for (std::size_t page = 0; page < pages; ++page) {
    const std::size_t place = page * page_bytes / sizeof(std::uint64_t) + 1;
    const long before = progress.steps;
    const std::uint64_t number = disk[place];  // page fault: the coroutine stops here
    progress.while_waiting += progress.steps - before;
    check(number == place * factor, "the number at index {} is wrong: {:#x}", place, number);
    co_await async::yield();
  }
  progress.is_over = true;
}

Task<> work(Progress& progress) {
  while (!progress.is_over) {
    ++progress.steps;
    co_await async::yield();
  }
}

Task<> all(const volatile std::uint64_t* disk) {
  Progress progress;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int who = 0; who < others; ++who) scope.spawn(work(progress), {.name = "other"});
    co_await read_mapped(disk, progress);
  });
  const auto counts = upcall_counts();
  println("one coroutine read {} pages of a slow disk, one after the other", counts.pages);
  println("  {} others ran {} steps in the meantime, all on this thread", others,
          progress.while_waiting);
  println("  another hart served {} of the page-ins", counts.pages_elsewhere);
  check(counts.pages == pages, "each page stops the coroutine once: {}", counts.pages);
  check(progress.while_waiting > 100 * static_cast<long>(pages),
        "the other coroutines ran only {} steps", progress.while_waiting);
  check((std::popcount(must(affinity(0), "affinity")) > 1) == (counts.pages_elsewhere > 0),
        "another hart serves page-ins if the machine has one");
}

}  // namespace

int main() {
  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  const auto answer = map_file(disk, pages * page_bytes, abi::prot_read, 0);
  if (!answer && answer.error() == Errno::enodev) {
    println("skipped: needs an MMU");
    return 0;
  }
  const auto mapped = must(answer, "mapping the disk");
  run(all(reinterpret_cast<const std::uint64_t*>(mapped)));
}
