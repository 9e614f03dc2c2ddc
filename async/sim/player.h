// A workload while it is played: its tasks, and what they share. simulate() makes a Player for each
// run; steps.cpp has what tasks do, run.cpp when they come and what is noted of them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "admission.h"
#include "arrivals.h"
#include "detector.h"
#include "run.h"

namespace async::sim {

struct Player;

/// A task: one that arrives, or one of a closed class, which goes round and round.
struct Instance : Subject {
  Instance(Player& player, std::size_t of, std::uint64_t number, std::uint64_t seed)
      : Subject{.number = number, .since_ns = platform::now_ns()},
        player(player),
        of(of),
        random(seed, number) {}
  ~Instance() {
    if (job != nullptr) entity_of(*job).attributes.owner = nullptr;  // policies may know it still
  }
  /// In this round, so far.
  std::uint64_t has_run_ns() const { return run_ns - (work != nullptr ? work->left_ns() : 0); }

  Player& player;
  std::size_t of;  // which class
  Random random;
  std::uint64_t arrived_ns = 0;
  std::uint64_t ready_ns = 0;
  std::uint64_t demand_ns = 0;     // what it would take alone: all that it has run and slept
  std::uint64_t run_ns = 0;        // of which it is yet to do what is left of `work`
  std::uint64_t total_run_ns = 0;  // over all rounds of a closed one that have ended
  const Compute* work = nullptr;
  Job* job = nullptr;
  WaitGroup* forked_by = nullptr;
  bool is_refused = false;  // its reservation is
};

/// A lock that may be without inheritance, which async::Mutex never is.
struct PlayedLock {
  bool inherits;
  Mutex mutex;
  Semaphore plain{1};
};

/// Values in flight, with room for `capacity`: a channel whose capacity is known when it runs.
struct PlayedChannel {
  explicit PlayedChannel(std::uint32_t capacity) : slots(capacity) {}
  Semaphore slots;
  Semaphore values{0};
};

struct Player {
  Player(const Workload& workload, const SimulateOptions& options);
  Outcome play();

  Job& spawn(std::size_t of, WaitGroup* forked_by);
  Task<> live(std::unique_ptr<Instance> instance);
  Task<bool> go_round(Instance& instance);
  void arrive(std::size_t of);
  void begin_round(Instance& instance, std::uint64_t arrives_ns);
  void end_round(Instance& instance);
  bool looks_after_deadlines() const;
  void admit(Instance& instance);
  void count_unfinished(const Instance& instance);
  void traced(TraceEvent event, const Job& job);
  void queue_changes(int by);
  std::uint64_t now() const { return machine.now(); }
  /// One that goes round and round may wait for ever: for who comes once in a while.
  bool is_closed(const Instance& instance) const {
    return workload.classes[instance.of].arrival.kind == Arrival::Kind::closed;
  }

  const Workload& workload;
  SimulateOptions options;
  std::deque<PlayedLock> locks;
  std::deque<PlayedChannel> channels;
  Arrivals arrivals;
  std::vector<ClassOutcome> classes;
  std::vector<std::vector<double>> shares;  // for Jain's index
  std::uint64_t instances = 0;
  std::uint64_t living = 0;
  static constexpr std::uint64_t most_tasks = 2'000'000;  // each takes about a kilobyte
  std::uint64_t queued = 0;
  std::uint64_t longest_queue = 0;
  double queue_area = 0;
  std::uint64_t queue_since = 0;
  unsigned next_hart = 0;
  Detector detector;
  Admission admission;
  bool over = false;
  bool waits_for_ever = false;  // if nothing comes: one that does not go round and round
  Machine machine;              // goes first: its jobs refer to the rest
};

}  // namespace async::sim
