// Player: plays a workload on a machine. It holds the tasks, and the locks and channels that they
// share. simulate() makes a Player for each run. steps.cpp carries out the tasks' steps and
// measures finished work. run.cpp makes the tasks arrive and measures the rest.
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

/// A task. A task of a closed class does one round after another, any other task does one round.
struct Instance : Subject {
  Instance(Player& player, std::size_t of, std::uint64_t number, std::uint64_t seed)
      : Subject{.number = number, .since_ns = platform::now_ns()},
        player(player),
        of(of),
        random(seed, number) {}
  ~Instance() {
    if (job != nullptr) entity_of(*job).attributes.owner = nullptr;  // the entity outlives the task
  }
  /// Processor time used in this round so far.
  std::uint64_t has_run_ns() const { return run_ns - (work != nullptr ? work->left_ns() : 0); }

  Player& player;
  std::size_t of;  // index of the task's class
  Random random;
  std::uint64_t arrived_ns = 0;
  std::uint64_t ready_ns = 0;
  std::uint64_t demand_ns =
      0;  // computing and sleeping time of this round so far, without waits for others
  std::uint64_t run_ns = 0;        // computing time of this round, including what `work` has left
  std::uint64_t total_run_ns = 0;  // computing time of the rounds before
  const Compute* work = nullptr;
  Job* job = nullptr;
  WaitGroup* forked_by = nullptr;
  bool is_refused = false;  // the task's reservation is refused or ignored
};

/// A lock: `mutex` if it has priority inheritance, `plain` if not.
struct PlayedLock {
  bool inherits;
  Mutex mutex;
  Semaphore plain{1};
};

/// A channel whose capacity is known only at run time. It counts values and free slots.
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
  bool uses_deadlines() const;
  void admit(Instance& instance);
  void count_unfinished(const Instance& instance);
  void traced(TraceEvent event, const Job& job);
  void queue_changes(int by);
  std::uint64_t now() const { return machine.now(); }
  /// Whether the task's class is closed. Such a task may wait for ever, because others may stop
  /// arriving.
  bool is_closed(const Instance& instance) const {
    return workload.classes[instance.of].arrival.kind == Arrival::Kind::closed;
  }

  const Workload& workload;
  SimulateOptions options;
  std::deque<PlayedLock> locks;
  std::deque<PlayedChannel> channels;
  Arrivals arrivals;
  std::vector<ClassOutcome> classes;
  std::vector<std::vector<double>> shares;  // by class: values for Jain's index
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
  // At the end of a run: whether a task of a class that is not closed is unfinished. If the machine
  // has no further event, that task is stuck.
  bool waits_for_ever = false;
  Machine machine;  // destroyed first: the jobs refer to the other members
};

}  // namespace async::sim
