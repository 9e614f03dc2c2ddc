// The first process: starts the workers, checks that they make progress, and counts the memory that
// they leave.
#include "soak.h"

#include <algorithm>
#include <charconv>
#include <string_view>

using namespace soak;

namespace {

constexpr auto round_length = 15s;
// The time limit of one wait; long, because a host may stop the machine for a while.
constexpr auto time_limit = 30s;
constexpr long slack = 64;  // pages that the kernel may keep in its pools

constexpr void (*workers[])() = {use_pipes,  use_futexes,  use_forks, use_programs, use_kills,
                                 use_timers, use_mappings, use_moves, use_console,  use_disk};

struct Seen {
  unsigned long count = 0;
  nanoseconds at{};
};

void watch(nanoseconds until) {
  std::array<Seen, most_slots> seen{};
  for (Seen& one : seen) one.at = now();
  while (now() < until) {
    must(sleep_for(500ms), "sleeping");
    for (std::size_t i = 0; i < shared->slots; ++i) {
      const char* const who = shared->slot[i].who;
      const auto count = shared->slot[i].count.load();
      if (who == nullptr || count != seen[i].count) {
        seen[i] = {count, now()};
        continue;
      }
      check(now() - seen[i].at < time_limit, "{} (number {}) hangs after {} waits", who, i, count);
    }
  }
}

/// Runs all workers for `length`. Returns the number of their waits.
unsigned long run_round(nanoseconds length, bool kill_half) {
  shared->stop = false;
  shared->slots = 0;
  std::vector<Pid> pids;
  for (const auto worker : workers) {
    const Pid child = must(fork(), "fork");
    if (child == 0) {
      worker();
      exit(0);
    }
    pids.push_back(child);
  }
  watch(now() + length);
  if (kill_half) {
    for (std::size_t i = 0; i < pids.size(); i += 2) {
      // Fails if the process has ended already.
      static_cast<void>(kill(pids[i], abi::Signal::sigkill));
    }
  }
  shared->stop = true;
  const auto until = now() + time_limit;
  // Children of killed workers are children of this process now.
  for (std::size_t left = pids.size(); left > 0;) {
    const auto ended = must(wait(-1, abi::wnohang), "waiting");
    if (ended.pid == 0) {
      check(now() < until, "{} workers do not end", left);
      must(sleep_for(5ms), "sleeping");
      continue;
    }
    const auto worker = std::ranges::find(pids, ended.pid);
    if (worker == pids.end()) continue;
    --left;
    const bool killed = kill_half && (worker - pids.begin()) % 2 == 0;
    check(killed || ended.status.word() == 0, "worker {} succeeds, not {:#x}",
          worker - pids.begin(), ended.status.word());
  }
  static_cast<void>(kill(-1, abi::Signal::sigkill));
  while (wait()) {
  }
  unsigned long waits = 0;
  for (std::size_t i = 0; i < shared->slots; ++i) waits += shared->slot[i].count;
  return waits;
}

/// Returns the most free pages of 200 ms, in which all harts free the state of dead threads.
long free_pages() {
  long most = 0;
  for (int i = 0; i < 20; ++i) {
    must(sleep_for(10ms), "sleeping");
    most = std::max(most, static_cast<long>(free_memory() / page_size));
  }
  return most;
}

}  // namespace

int main(int argc, char** argv) {
  check(on_cotrap() && process_id() == 1, "this program must be Cotrap's first process");
  long seconds = 0;
  if (argc == 2) std::from_chars(argv[1], argv[1] + std::string_view{argv[1]}.size(), seconds);
  all_harts = must(affinity(0), "affinity");
  shared = reinterpret_cast<Shared*>(
      must(call<std::byte*>(Call::mmap, 0, sizeof(Shared), abi::prot_read | abi::prot_write,
                            abi::map_shared | abi::map_anonymous, -1, 0),
           "shared memory"));

  const auto begin = now();
  for (int i = 0; i < 3; ++i) run_round(3s, i % 2 != 0);
  const long before = free_pages();
  long rounds = 0, least = before;
  unsigned long waits = 0;
  while (now() - begin < std::chrono::seconds{seconds}) {
    waits += run_round(round_length, ++rounds % 2 != 0);
    least = std::min(least, free_pages());
    println("{:.0f} s: {} rounds, {} waits, {} pages free of {}",
            milliseconds(now() - begin) / 1000, rounds, waits, free_pages(), before);
  }
  const long after = free_pages();
  println("free pages: {} before, {} after {} rounds, {} at least", before, after, rounds, least);
  check(before - after <= slack, "no memory leaks");
  return 0;
}
