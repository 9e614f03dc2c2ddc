// Upcalls in steps of stackful jobs, which run on stacks of their own.
#include <user/stackful.h>

#include <algorithm>
#include <utility>

#include "upcalls.h"

namespace upcalls {
namespace {

// Touches pages of the disk, is preempted, and fails attempts, between waits.
int use_upcalls(Disk disk, std::size_t first, const std::atomic<int>& woken) {
  int preempted = 0;
  for (std::size_t page = first; page < disk_pages; page += 4) {
    check_page(disk, page);
    wait_for(async::yield());
    preemptible([&] {
      check_page(disk, disk_pages - 1 - page);
      const int before = woken;
      must(notify(thread_id(), 1), "notify");
      preempted += woken > before ? 1 : 0;
      Guarded<std::vector<std::size_t>> pages{1, page};
      check_page(disk, pages->front());
    });
    check(!attempt(read_nowhere), "an attempt fails");
    wait_for(async::sleep_for(10us));
  }
  return preempted;
}

Task<> stacks() {
  const Disk disk = map_disk();
  std::atomic<int> woken = 0;
  bool over = false;
  auto urgent = must(spawn_stackful(
                         [&] {
                           while (!over) {
                             static_cast<void>(wait_for(notified()));
                             ++woken;
                           }
                         },
                         {.priority = 0}),
                     "a job");
  std::vector<async::JoinHandle<int>> jobs;
  for (std::size_t i = 0; i < 4; ++i) {
    jobs.push_back(must(spawn_stackful([&, i] { return use_upcalls(disk, i, woken); }), "a job"));
  }
  int preempted = 0;
  for (auto& job : jobs) preempted += co_await std::move(job);
  check(preempted > 0, "stackful jobs are preempted");
  check(upcall_counts().pages > 0, "page-ins stop only the stackful job that needs the page");
  over = true;
  must(notify(thread_id(), 1), "notify");
  co_await std::move(urgent);
}

// A handler abandons a stackful job, and run() ends while others wait for pages.
Task<Verdict> abandon_it(Exception) {
  co_return Verdict::leave;
}

Task<> leave_stacks(Disk disk, std::size_t page) {
  const auto start = [](auto f) { must(spawn_stackful(std::move(f)), "a job").detach(); };
  start([] {
    const Guarded<Counted> guarded;
    read_nowhere();
  });
  start([=] {
    const Guarded<Counted> guarded;
    check_page(disk, page);
  });
  for (int i = 0; i < 3; ++i) co_await async::yield();
}

void left_stacks() {
  const Disk disk = map_disk();
  for (std::size_t page = 0; page < 8; ++page) {
    run(leave_stacks(disk, page), {.on_exception = abandon_it});
    check(Counted::live == 0, "objects of abandoned stackful jobs are destroyed");
  }
}

}  // namespace

std::span<const Part> stackful_jobs() {
  static constexpr Part parts[] = {
      {"stacks", [] { run(stacks()); }},
      {"left-stacks", left_stacks},
  };
  return parts;
}

}  // namespace upcalls
