// Machine: N virtual harts in one thread, each with a real async::Executor, in virtual time.
//
//   [ events by time ] ──► arrival ──► whatever it does: spawns a job, say
//        ▲    ▲       ├──► alarm, IPI ──► the hart's executor looks into its inbox; preempts?
//        │    │       ├──► tick ──► is the turn over?
//        │    │       └──► end of computing ──► the job goes on
//        │    └── set_alarm(), send_ipi(): from the runtime
//        └── co_await Compute: a job's step takes time
//
// Only computing takes time, and what Costs says. Everything else (queues, locks, timers, thieves)
// is the runtime's own code and happens at once. Two runs with the same seed are the same.
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
#include "async/policy/all.h"

namespace async::sim {

/// In nanoseconds of virtual time.
struct Costs {
  std::uint64_t change = 0;   // a hart goes on with another job than before
  std::uint64_t resume = 0;   // … with any
  std::uint64_t migrate = 0;  // a job comes from another hart
  std::uint64_t ipi = 0;      // from an IPI to the interrupt
};

/// What Attributes::owner of every job points to.
struct Subject {
  enum class State : std::uint8_t { ready, running, waiting, done };
  std::uint64_t number = 0;        // from 1 up, the same in every run
  std::uint64_t turn_used_ns = 0;  // Machine's: before it was preempted, of the turn that goes on
  // A Detector's: what the job does, since when.
  State state = State::ready;
  std::uint64_t since_ns = 0;
};
/// Null: it has none.
Subject* subject_of(const Job& job);
/// … 0.
std::uint64_t number_of(const Job& job);

class Compute;

class Machine final : platform::World::Listener {
 public:
  struct Options {
    unsigned harts = 1;  // 1 … 8
    const policy::Kind* policy = policy::kinds.data();
    std::uint64_t seed = 1;
    Duration slice = std::chrono::milliseconds(4);
    Costs costs;
    std::uint64_t most_at_once = 1'000'000;  // steps without time passing: more is a stall
    Duration jitter{0};  // events no further apart may come in any order: a director's to say
  };
  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t steps = 0;    // a job was chosen to run
    std::uint64_t changes = 0;  // … another one than before
    std::uint64_t preemptions = 0;
    std::uint64_t migrations = 0;
    std::array<std::uint64_t, platform::max_harts> busy_ns{};
  };
  using Hook = std::function<void(TraceEvent, const Job&)>;

  explicit Machine(const Options& options);
  ~Machine();
  Machine(const Machine&) = delete;

  /// At virtual time `ns`, not before now, `what` happens on `hart` as in an interrupt handler that
  /// may spawn and wake.
  void at(std::uint64_t ns, unsigned hart, std::function<void()> what);
  /// Until that time, or until nothing is to come, or until a director has seen enough, or until
  /// there is trouble.
  void run_until(std::uint64_t ns);

  /// Cancels every job, and runs them to their ends; time may pass. (The destructor does it, too.)
  void wind_down();

  /// Is nothing to come any more?
  bool is_quiet() const { return events_.empty(); }
  /// Did time not pass any more, with one step after another? run_until() has returned then.
  bool is_stalled() const { return steps_at_once_ > options_.most_at_once; }
  /// It does not, in a job's one step, whose next await comes back to no end.
  void note_stall() { steps_at_once_ = options_.most_at_once + 1; }

  /// Why what is simulated makes no sense from here on: a policy's fault, say. Empty: there is
  /// nothing, so far. Of several the first.
  const std::string& trouble() const { return trouble_; }
  void note_trouble(std::string what);

  /// Called at each trace point.
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  const Counts& counts() const { return counts_; }
  /// A number that tells two runs apart: of every job that has run, where, when, and in which
  /// order.
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
    std::uint8_t hart;
    std::uint64_t generation;  // finish, tick, alarm: of the hart's when it was made; else stale
    bool operator>(const Event& other) const {
      return ns != other.ns ? ns > other.ns : order > other.order;
    }
  };
  struct Hart {
    std::optional<Executor> executor;
    policy::Memory memory;
    Compute* computing = nullptr;  // what local.job does
    Job* job = nullptr;            // … and who that is
    std::uint64_t began_ns = 0;
    std::uint64_t generation = 0;  // of what it computes
    std::uint64_t alarm_generation = 0;
    std::uint64_t tick_ns = 0;          // when the next one comes
    std::uint64_t tick_generation = 0;  // … while `generation` is still this
    std::uint64_t turn_began_ns = 0;
    std::uint64_t overhead_ns = 0;  // to be added before whatever is next
    std::uint64_t last_job = 0;     // by number
    bool idle = false;
    bool paying = false;    // for overhead, without a job
    bool stepping = false;  // its next step is an event, because a director is present
    bool ipi_pending = false;
  };

  void alarm_set(unsigned hart, std::uint64_t ns) override;
  void ipi_sent(unsigned hart) override;
  void add(std::uint64_t ns, Kind kind, unsigned hart, std::uint64_t generation);
  Event next_event(std::uint64_t until_ns);
  bool is_stale(const Event& event) const;
  static std::uint64_t id_of(const Event& event);
  void handle(const Event& event);
  void run_hart(unsigned hart);
  void run_ready(unsigned hart);
  bool start_computing(Hart& hart, unsigned number);
  void interrupt(unsigned hart);
  bool preempt(Hart& hart, unsigned number);
  std::uint64_t has_computed(const Hart& hart) const;
  void charge(Hart& hart, unsigned number);
  void add_tick(Hart& hart, unsigned number);
  Duration until_tick(const Hart& hart) const;
  bool is_turn_over(Hart& hart);
  void traced(TraceEvent event, const Job& job);
  void count_hash(std::uint64_t value);
  bool is_in_trouble() const { return !trouble_.empty() && !winding_down_; }
  void breached(const policy::Breach& breach);

  Options options_;
  std::array<Hart, platform::max_harts> harts_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t ordered_ = 0;
  std::vector<std::function<void()>> arrivals_;  // by Event::generation
  std::vector<std::uint64_t> free_arrivals_;
  Counts counts_;
  std::uint64_t steps_at_once_ = 0;
  std::uint64_t last_step_ns_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  Hook hook_;
  std::string trouble_;
  bool winding_down_ = false;  // in spite of trouble
};

/// The running job's step takes so much of its hart's time:
///
///   for (Compute work(5ms); !work.done();) co_await work;
///
/// Once round for every time that it is preempted, as with a call into user mode.
class Compute {
 public:
  explicit Compute(Duration duration) noexcept
      : left_ns_(duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0) {}
  Compute(const Compute&) = delete;
  /// Also where the job has been cancelled.
  bool done() const noexcept { return left_ns_ == 0 || is_cancelled(); }
  /// Up to date when its hart has been left, and when run_until() has returned.
  std::uint64_t left_ns() const noexcept { return left_ns_; }

  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> self) noexcept;
  void await_resume() const noexcept {}

 private:
  friend class Machine;
  std::uint64_t left_ns_;
};

}  // namespace async::sim
