// Changes the scheduling policy while threads compute, sleep and communicate.
#include "harts.h"

namespace harts {
namespace {

constexpr std::string_view policies[] = {
    "fifo",       "round-robin", "aging", "edf",      "stride",  "mlfq",
    "steal-fifo", "steal-lifo",  "eevdf", "priority", "lottery",
};

Result<void> use_policy(std::string_view name) {
  const Fd file = must(open("/proc/policy", abi::o_wronly), "/proc/policy");
  const auto written = write(file, name);
  must(close(file), "closing");
  return written.transform([](auto) {});
}

std::string selected_policy(const std::string& list) {
  const auto begin = list.find('[') + 1;
  return list.substr(begin, list.find(']') - begin);
}

/// Selects each of `policies`, over and over, while threads run.
void change() {
  std::atomic<bool> over = false;
  std::atomic<unsigned long> rounds = 0;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 3 + count; ++i) {
    threads.emplace_back([&, i] {
      while (!over) {
        if (i % 3 == 0) must(sleep_for(100us), "sleeping");
        if (i % 3 == 1) Thread{[] { yield(); }}.join();
        rounds.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (int round = 0; round < 33; ++round) {
    const auto name = policies[static_cast<unsigned>(round) % std::size(policies)];
    must(use_policy(name), "changing");
    check(selected_policy(must(read_file("/proc/policy"), "reading")) == name, "{} is in use",
          name);
    if (round % 3 == 0) must(sleep_for(std::chrono::microseconds{round * 20}), "sleeping");
  }
  await("to run after the changes", [&] { return rounds > 1000; });
  over = true;
}

/// A SCHED_FIFO thread that never yields keeps its hart until a thread on another hart selects a
/// policy with time slices. (If a policy has no time slices, the kernel uses its own, but none for
/// SCHED_FIFO threads.)
void free_a_hart() {
  check(count > 1, "the machine has two harts");
  move_to(0);
  must(use_policy("fifo"), "changing");
  std::atomic<bool> may_end = false, computes = false;
  Thread computing{[&] {
    move_to(1);
    must(set_realtime_priority(0, 1), "SCHED_FIFO");
    for (computes = true; !may_end;) {
    }
  }};
  await("to begin", [&] { return computes.load(); });
  Thread next{[&] {
    move_to(1);
    may_end = true;
  }};
  must(sleep_for(20ms), "sleeping");
  check(!may_end, "the thread waits under a policy without time slices");
  must(use_policy("round-robin"), "changing");
}

void refuse() {
  const auto before = must(read_file("/proc/policy"), "reading");
  for (const std::string_view name : {"\n", "best", "fifo\n\n", "fifo stride"})
    check(use_policy(name) == std::unexpected{Errno::einval}, "{} is refused", name);
  check(use_policy(std::string(1000, 'x')) == std::unexpected{Errno::einval},
        "a name of 1000 bytes is refused");
  check(must(read_file("/proc/policy"), "reading") == before, "the policy stays the same");
}

}  // namespace

std::span<const Part> policies_changed() {
  static constexpr Part parts[] = {
      {"change-policy", change},
      {"free-hart", free_a_hart},
      {"refuse-policy", refuse},
  };
  return parts;
}

}  // namespace harts
