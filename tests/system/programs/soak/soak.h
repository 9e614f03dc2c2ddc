// soak SECONDS: runs all kinds of workers at once on all harts for that time.
//
// Workers are processes. Each does one kind of thing for ever: pipes, futexes, forks, programs,
// kills, timers, mappings, moves between harts, and blocks of /dev/vda if there is one. Threads
// that wait count their waits in shared memory. The first process watches the counts: a thread that
// has not counted for a while has lost its wake. A round takes 15 s; then all workers end by
// themselves, or in every second round half of them are killed. At the end all memory must be free
// again.
#pragma once

#include <abi/flags.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <vector>

namespace soak {

using namespace user;

inline constexpr std::size_t most_slots = 96;

struct Slot {
  // Name of the worker's kind; null: free. Valid in all processes, because they are forks.
  std::atomic<const char*> who;
  std::atomic<unsigned long> count;
};
struct Shared {
  std::atomic<bool> stop;
  std::atomic<unsigned> slots;
  std::array<Slot, most_slots> slot;
};

inline Shared* shared;
inline unsigned long all_harts;

struct Random {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  }
};

inline Slot& claim(const char* who) {
  Slot& slot = shared->slot.at(shared->slots++);
  slot.count = 0;
  slot.who = who;
  return slot;
}

inline bool stopping() {
  return shared->stop;
}

inline void wander(Random& random) {
  const unsigned long harts = random.below(all_harts) + 1;
  must(set_affinity(0, random.below(4) == 0 || (harts & all_harts) == 0 ? all_harts : harts),
       "affinity");
}

inline nanoseconds some_time(Random& random) {
  return std::chrono::microseconds{random.below(3'000)};
}

// The workers. Each runs until shared->stop is set, or until it is killed.

/// Numbers pass through a row of pipes and arrive in order.
void use_pipes();
/// Threads pass items on; each item arrives once.
void use_futexes();
/// Forks of a process that keeps writing.
void use_forks();
/// Starts programs and checks their exit statuses.
void use_programs();
/// Starts processes that do all kinds of things, and kills them.
void use_kills();
/// Waits with timeouts, some of which race with a wake.
void use_timers();
/// Several threads map and unmap memory.
void use_mappings();
/// One thread moves other threads between harts and changes their nice values.
void use_moves();
/// Prints a line now and then.
void use_console();
/// Reads blocks of the disk twice and compares them.
void use_disk();

}  // namespace soak
