// soak SECONDS: everything at once on all harts, for so long.
//
// Workers are processes that each do one kind of thing for ever: pipes, futexes, forks, programs,
// kills, timers, mappings, moves between harts, and blocks of /dev/vda if there is one. What waits
// in them counts its waits in memory that all share. The first process watches: whoever has not
// counted on for a while has lost its wake. Every few seconds all workers end, half of them by
// themselves and half of them killed, and all memory must be there again.
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
  std::atomic<const char*> who;  // null: free. The same address in all: they are forks
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

// The workers: each runs until it is told to stop, or killed.

/// Numbers go round through pipes, and arrive in order.
void use_pipes();
/// Items go from hand to hand; each arrives once.
void use_futexes();
/// Copies of a process that writes meanwhile.
void use_forks();
/// Programs, and how they end.
void use_programs();
/// Processes that do all kinds of things, and are killed.
void use_kills();
/// Timeouts, some of which are too late.
void use_timers();
/// Memory comes and goes under several threads.
void use_mappings();
/// Threads that send each other about, and become more and less urgent.
void use_moves();
/// A line now and then.
void use_console();
/// Blocks of the disk read the same twice.
void use_disk();

}  // namespace soak
