// Machine: N virtual harts in one thread, each with a real async::Executor, in virtual time.
//
//   [ events by time ] ──► arrival ──► a function runs, which spawns a job, for example
//        ▲    ▲       ├──► alarm, IPI ──► the hart's executor polls its inbox, and may preempt
//        │    │       ├──► tick ──► the time slice may be over
//        │    │       └──► end of a computation ──► the job continues
//        │    └── set_alarm(), send_ipi(): called by the runtime
//        └── co_await Compute: a job's step takes time
//
// Only computations and Costs take virtual time. Everything else (queues, locks, timers, stealing)
// is the runtime's own code and takes none. Two runs with the same seed are the same.
#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "async/async.h"
#include "async/fault.h"
#include "async/policy/kinds.h"

namespace async::sim {

/// What each event costs its hart, in nanoseconds of virtual time.
struct Costs {
  std::uint64_t change = 0;   // in addition, if a hart resumes another job than before
  std::uint64_t resume = 0;   // each time a hart resumes a job
  std::uint64_t migrate = 0;  // in addition, if the job comes from another hart
  std::uint64_t ipi = 0;      // delay from sending an IPI to its interrupt
};

/// Identifies a job of a machine. The spawner sets the job's Attributes::owner to its Subject.
struct Subject {
  enum class State : std::uint8_t { ready, running, waiting, done };
  std::uint64_t number = 0;  // from 1 up, the same in every run
  // For the Machine: the part of the time slice that was used before a preemption.
  std::uint64_t slice_used_ns = 0;
  // For a Detector: the job's state, and when it began.
  State state = State::ready;
  std::uint64_t since_ns = 0;
};
/// Null if the job has none.
Subject* subject_of(const Job& job);
/// The job's number; 0 if it has no Subject.
std::uint64_t number_of(const Job& job);

class Compute;

class Machine final : platform::World::Listener {
 public:
  struct Options {
    unsigned harts = 1;  // 1 … platform::max_harts
    const policy::Kind* policy = policy::find("priority");
    std::uint64_t seed = 1;
    Duration slice = std::chrono::milliseconds(4);
    Costs costs;
    std::uint64_t most_at_once = 1'000'000;  // steps without time passing; more are a stall
    Duration jitter{0};  // a director may reorder events that are at most so far apart
    FaultPlan faults{};  // the machine adds its own seed to that of the plan
  };
  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t steps = 0;    // how often a hart has picked a job to run
    std::uint64_t changes = 0;  // how often that was another job than the hart's last one
    std::uint64_t preemptions = 0;
    std::uint64_t migrations = 0;
    std::array<std::uint64_t, platform::max_harts> busy_ns{};
  };
  using Hook = std::function<void(TraceEvent, const Job&)>;

  /// At most one machine exists at a time. All calls are from one thread.
  explicit Machine(const Options& options);
  ~Machine();
  Machine(const Machine&) = delete;

  /// Calls `what` on `hart` at virtual time `ns`, or now if that has passed. `what` runs as in
  /// an interrupt handler, and may spawn and wake jobs.
  void at(std::uint64_t ns, unsigned hart, std::function<void()> what);
  /// Handles all events up to virtual time `ns`, which is the time afterwards. Returns early after
  /// a stall or trouble, or if a director gives up the run.
  void run_until(std::uint64_t ns);

  /// Cancels every job and runs them until they end; time may pass. The destructor calls it, too.
  void wind_down();

  /// Whether no event is to come.
  bool is_quiet() const { return events_.empty(); }
  /// Whether more than most_at_once steps followed each other without time passing. run_until()
  /// returns then.
  bool is_stalled() const { return steps_at_once_ > options_.most_at_once; }
  /// Reports a stall within one step of a job: time does not pass, and its awaits do not suspend
  /// it.
  void note_stall() { steps_at_once_ = options_.most_at_once + 1; }

  /// The first hart that idled although its inbox had entries, and no IPI was on its way to it.
  std::optional<unsigned> lost_ipi() const;

  /// Why the simulation is invalid from here on, for example a policy's breach of contract; the
  /// first reason of several. Empty: none so far.
  const std::string& trouble() const { return trouble_; }
  void note_trouble(std::string what);

  /// Called at each trace point.
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  const Counts& counts() const { return counts_; }
  /// A hash of which jobs have run where and when, and in which order.
  std::uint64_t schedule_hash() const { return hash_; }
  Executor& executor(unsigned hart) { return *harts_[hart].executor; }
  unsigned harts() const { return options_.harts; }
  std::uint64_t now() const { return platform::now_ns(); }

 private:
  friend class Compute;
  enum class Kind : std::uint8_t { step, arrival, alarm, ipi, tick, finish };
  struct Event {
    std::uint64_t ns;
    std::uint64_t order;
    Kind kind;
    HartNumber hart;
    // finish, tick: the hart's `generation` at the time of add(). alarm: its `alarm_generation`. If
    // the hart's value has changed since, the event is stale. arrival: index into arrivals_.
    std::uint64_t generation;
    bool operator>(const Event& other) const {
      return ns != other.ns ? ns > other.ns : order > other.order;
    }
  };
  struct Hart {
    std::optional<Executor> executor;
    policy::Memory memory;
    Compute* computing = nullptr;  // the computation of `job`; null: none
    Job* job = nullptr;
    std::uint64_t began_ns = 0;
    std::uint64_t generation = 0;        // counts computations and preemptions; see Event
    std::uint64_t alarm_generation = 0;  // counts settings of the alarm; see Event
    std::uint64_t tick_ns = 0;           // the next tick, if tick_generation == generation
    std::uint64_t tick_generation = 0;
    std::uint64_t slice_began_ns = 0;
    std::uint64_t overhead_ns = 0;  // costs to pay before the hart continues
    std::uint64_t last_job = 0;     // the number of the job that ran last
    bool idle = false;
    bool paying = false;    // the hart pays overhead_ns, and no job computes
    bool stepping = false;  // the hart's next step is queued as an Event; only with a director
    bool ipi_pending = false;
  };

  void alarm_set(unsigned hart, std::uint64_t ns) override;
  void ipi_sent(unsigned hart) override;
  void hart_stands_still(unsigned hart, std::uint64_t ns) override;
  void add(std::uint64_t ns, Kind kind, unsigned hart, std::uint64_t generation);
  Event next_event(std::uint64_t until_ns);
  bool is_stale(const Event& event) const;
  static std::uint64_t id_of(const Event& event);
  void handle(const Event& event);
  bool ignores_inbox(unsigned hart) const;
  void run_hart(unsigned hart);
  void run_ready(unsigned hart);
  bool start_computing(Hart& hart, unsigned number);
  void interrupt(unsigned hart);
  bool preempt(Hart& hart, unsigned number);
  std::uint64_t has_computed(const Hart& hart) const;
  void charge(Hart& hart, unsigned number);
  void add_tick(Hart& hart, unsigned number);
  Duration until_tick(const Hart& hart) const;
  bool is_slice_over(Hart& hart);
  void traced(TraceEvent event, const Job& job);
  void count_hash(std::uint64_t value);
  bool is_in_trouble() const { return !trouble_.empty() && !winding_down_; }
  void breached(const policy::Breach& breach);

  Options options_;
  std::unique_ptr<Hart[]> harts_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t ordered_ = 0;
  std::vector<std::function<void()>> arrivals_;  // by Event::generation
  std::vector<std::uint64_t> free_arrivals_;
  Counts counts_;
  std::uint64_t steps_at_once_ = 0;
  std::uint64_t last_step_ns_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  Hook hook_;
  std::optional<unsigned> lost_ipi_;
  std::string trouble_;
  bool winding_down_ = false;  // in wind_down(): jobs run although trouble_ is set
};

/// Lets the running job's step take some of its hart's time:
///
///   for (Compute work(5ms); !work.done();) co_await work;
///
/// The loop goes round once for each preemption, as with a call into user mode.
class Compute {
 public:
  explicit Compute(Duration duration) noexcept
      : left_ns_(duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0) {}
  Compute(const Compute&) = delete;
  /// Whether no time is left, or the job has been cancelled.
  bool done() const noexcept { return left_ns_ == 0 || is_cancelled(); }
  /// The time left. Up to date after a preemption, and after run_until() has returned.
  std::uint64_t left_ns() const noexcept { return left_ns_; }

  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> self) noexcept;
  void await_resume() const noexcept {}

 private:
  friend class Machine;
  std::uint64_t left_ns_;
};

}  // namespace async::sim
