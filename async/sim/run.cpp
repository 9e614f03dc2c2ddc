// The tasks of a workload as coroutines of the runtime, and what is noted of them on the way.
#include "run.h"

#include "explore.h"

#include <deque>
#include <memory>
#include <utility>

namespace async::sim {
namespace {

struct Player;

/// A task: one that arrives, or one of a closed class, which goes round and round.
struct Instance : Subject {
  Instance(Player& player, std::size_t of, std::uint64_t number, std::uint64_t seed)
      : Subject{number}, player(player), of(of), random(seed, number) {}
  Player& player;
  std::size_t of;  // which class
  Random random;
  std::uint64_t arrived_ns = 0;
  std::uint64_t ready_ns = 0;
  std::uint64_t demand_ns = 0;  // what it would take alone: all that it has run and slept
  std::uint64_t run_ns = 0;
  std::uint64_t total_run_ns = 0;  // over all rounds of a closed one
  Job* job = nullptr;
  WaitGroup* forked_by = nullptr;
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
  void begin_round(Instance& instance);
  void end_round(Instance& instance);
  void count_unfinished(const Instance& instance);
  void traced(TraceEvent event, const Job& job);
  void queue_changes(int by);
  std::uint64_t now() const { return machine.now(); }

  const Workload& workload;
  SimulateOptions options;
  std::deque<PlayedLock> locks;
  std::deque<PlayedChannel> channels;
  std::vector<Random> arrivals;
  std::vector<std::size_t> next_of_trace;
  std::vector<ClassOutcome> classes;
  std::vector<std::vector<double>> shares;  // for Jain's index
  std::uint64_t instances = 0;
  std::uint64_t queued = 0;
  std::uint64_t longest_queue = 0;
  double queue_area = 0;
  std::uint64_t queue_since = 0;
  unsigned next_hart = 0;
  bool over = false;
  bool waits_for_ever = false;  // if nothing comes: one that does not go round and round
  Machine machine;              // goes first: its jobs refer to the rest
};

Player::Player(const Workload& workload, const SimulateOptions& options)
    : workload(workload), options(options), machine(options.machine) {
  for (const SharedLock& lock : workload.locks) locks.emplace_back(lock.inherits);
  for (const SharedChannel& channel : workload.channels) channels.emplace_back(channel.capacity);
  for (std::size_t of = 0; of < workload.classes.size(); ++of) {
    arrivals.emplace_back(options.machine.seed, ~of);
    classes.push_back({.name = workload.classes[of].name});
  }
  next_of_trace.resize(classes.size());
  shares.resize(classes.size());
}

// ── what tasks do ────────────────────────────────────────────────────────────────────────────────

Job& Player::spawn(std::size_t of, WaitGroup* forked_by) {
  const TaskClass& what = workload.classes[of];
  auto made = std::make_unique<Instance>(*this, of, ++instances, options.machine.seed);
  Instance& instance = *made;
  instance.forked_by = forked_by;
  auto handle =
      async::spawn(live(std::move(made)),
                   {.name = what.name.c_str(), .priority = what.priority, .harts = what.harts});
  Job& job = handle.job();
  instance.job = &job;
  handle.detach();
  begin_round(instance);
  return job;
}

void Player::begin_round(Instance& instance) {
  const TaskClass& what = workload.classes[instance.of];
  instance.arrived_ns = now();
  instance.demand_ns = instance.run_ns = 0;
  if (now() >= workload.warm_up_ns) ++classes[instance.of].arrived;
  Attributes attributes{.weight = what.weight,
                        .budget = Duration(what.budget_ns),
                        .period = Duration(what.period_ns),
                        .owner = static_cast<Subject*>(&instance)};
  if (what.deadline_ns != 0) attributes.deadline = Instant(Duration(now() + what.deadline_ns));
  Executor::set_attributes(*instance.job, attributes);
}

void Player::end_round(Instance& instance) {
  if (over) return;
  instance.total_run_ns += instance.run_ns;
  if (instance.arrived_ns < workload.warm_up_ns) return;
  const TaskClass& what = workload.classes[instance.of];
  ClassOutcome& outcome = classes[instance.of];
  const std::uint64_t response = now() - instance.arrived_ns;
  ++outcome.finished;
  outcome.run_ns += instance.run_ns;
  outcome.response.add(response);
  const double slowdown = instance.demand_ns == 0 ? 1
                                                  : static_cast<double>(response) /
                                                        static_cast<double>(instance.demand_ns);
  outcome.slowdown += slowdown;
  if (what.arrival.kind != Arrival::Kind::closed) shares[instance.of].push_back(1 / slowdown);
  if (what.deadline_ns != 0 && response > what.deadline_ns) {
    ++outcome.missed;
    outcome.tardiness.add(response - what.deadline_ns);
  }
}

Task<> Player::live(std::unique_ptr<Instance> instance) {
  const Arrival& arrival = workload.classes[instance->of].arrival;
  const bool closed = arrival.kind == Arrival::Kind::closed;
  while (co_await go_round(*instance)) {
    end_round(*instance);
    if (!closed) break;
    const std::uint64_t thinks = arrival.between.draw(instance->random);
    co_await yield();
    co_await sleep_for(Duration(thinks), "think");
    if (over) break;
    begin_round(*instance);
  }
  if (instance->forked_by != nullptr) instance->forked_by->done();
}

/// The steps of the class; false if the task was cancelled on the way.
Task<bool> Player::go_round(Instance& instance) {
  const std::vector<Step>& steps = workload.classes[instance.of].steps;
  std::vector<std::pair<std::uint32_t, Mutex::Guard>> guards;
  std::vector<std::uint32_t> plain;
  std::vector<std::uint32_t> rounds;
  struct Release {
    std::deque<PlayedLock>& locks;
    std::vector<std::uint32_t>& plain;
    ~Release() {
      for (const std::uint32_t lock : plain) locks[lock].plain.release();
    }
  } const release{locks, plain};

  for (std::size_t at = 0; at < steps.size() && !is_cancelled(); ++at) {
    const Step& step = steps[at];
    switch (step.kind) {
      case Step::Kind::run: {
        const std::uint64_t ns = step.time.draw(instance.random);
        instance.demand_ns += ns;
        for (Compute work{Duration(ns)}; !work.done();) co_await work;
        instance.run_ns += ns;
        break;
      }
      case Step::Kind::wait: {
        const std::uint64_t ns = step.time.draw(instance.random);
        instance.demand_ns += ns;
        co_await sleep_for(Duration(ns));
        break;
      }
      case Step::Kind::yield: co_await yield(); break;
      case Step::Kind::lock: {
        PlayedLock& lock = locks[step.object];
        const char* const name = workload.locks[step.object].name.c_str();
        if (lock.inherits) {
          auto guard = co_await lock.mutex.lock_or_cancel(name);
          if (!guard) co_return false;
          guards.emplace_back(step.object, std::move(guard));
        } else {
          if (co_await lock.plain.acquire(name) != WaitResult::woken) co_return false;
          plain.push_back(step.object);
        }
        break;
      }
      case Step::Kind::unlock:
        if (locks[step.object].inherits) {
          std::erase_if(guards, [&](const auto& held) { return held.first == step.object; });
          co_await yield_if_preempted();
        } else {
          std::erase(plain, step.object);
          locks[step.object].plain.release();
          co_await yield_if_preempted();
        }
        break;
      case Step::Kind::send:
        if (co_await channels[step.object].slots.acquire("channel full") != WaitResult::woken) {
          co_return false;
        }
        channels[step.object].values.release();
        break;
      case Step::Kind::receive:
        if (co_await channels[step.object].values.acquire("channel empty") != WaitResult::woken) {
          co_return false;
        }
        channels[step.object].slots.release();
        break;
      case Step::Kind::fork: {
        WaitGroup group;
        group.add(step.count);
        for (std::uint32_t i = 0; i < step.count; ++i) spawn(step.object, &group);
        const Shield shield;
        co_await group.wait("join");
        break;
      }
      case Step::Kind::repeat: rounds.push_back(step.count); break;
      case Step::Kind::end:
        if (--rounds.back() != 0) {
          at = step.match;
        } else {
          rounds.pop_back();
        }
        break;
    }
  }
  co_return !is_cancelled();
}

// ── when they come ───────────────────────────────────────────────────────────────────────────────

/// The next one of the class `of` is to come.
void Player::arrive(std::size_t of) {
  const Arrival& arrival = workload.classes[of].arrival;
  std::uint64_t when = now();
  if (arrival.kind == Arrival::Kind::trace) {
    if (next_of_trace[of] == arrival.times.size()) return;
    when = arrival.times[next_of_trace[of]++];
  } else {
    const bool first = next_of_trace[of]++ == 0;
    when += first && arrival.has_first ? arrival.first_ns : arrival.between.draw(arrivals[of]);
  }
  if (when >= workload.duration_ns) return;
  const HartMask harts = workload.classes[of].harts;
  do {
    next_hart = (next_hart + 1) % machine.harts();
  } while ((harts & hart_mask(next_hart)) == 0);
  machine.at(when, next_hart, [this, of] {
    {
      const Strand::Guard strand;
      spawn(of, nullptr);
    }
    arrive(of);
  });
}

void Player::count_unfinished(const Instance& instance) {
  const TaskClass& what = workload.classes[instance.of];
  if (what.arrival.kind == Arrival::Kind::closed) {
    shares[instance.of].push_back(static_cast<double>(instance.total_run_ns + instance.run_ns) /
                                  what.weight);
  }
  waits_for_ever |= what.arrival.kind != Arrival::Kind::closed;
  const bool counts = instance.arrived_ns >= workload.warm_up_ns && what.deadline_ns != 0;
  if (counts && instance.arrived_ns + what.deadline_ns < now()) ++classes[instance.of].missed;
}

Outcome Player::play() {
  machine.set_hook([this](TraceEvent event, const Job& job) { traced(event, job); });
  for (std::size_t of = 0; of < classes.size(); ++of) {
    const Arrival& arrival = workload.classes[of].arrival;
    if (arrival.kind == Arrival::Kind::closed) {
      machine.at(0, 0, [this, of, count = arrival.count] {
        const Strand::Guard strand;
        for (std::uint32_t i = 0; i < count; ++i) spawn(of, nullptr);
      });
    } else if (arrival.kind != Arrival::Kind::never) {
      arrive(of);
    }
  }
  machine.run_until(workload.duration_ns);
  queue_changes(0);
  over = true;
  Outcome outcome{.duration_ns = workload.duration_ns,
                  .harts = machine.harts(),
                  .counts = machine.counts(),
                  .hash = machine.schedule_hash(),
                  .mean_queue = queue_area / static_cast<double>(workload.duration_ns),
                  .longest_queue = longest_queue};
  for_each_job(
      [](void* player, const Job& job) {
        auto* const subject = static_cast<Subject*>(entity_of(job).attributes.owner);
        if (job.kind != async::Kind::done && subject != nullptr) {
          static_cast<Player*>(player)->count_unfinished(*static_cast<Instance*>(subject));
        }
      },
      this);
  if (machine.is_quiet() && waits_for_ever) outcome.stuck = stuck_jobs();
  machine.set_hook({});
  for (std::size_t of = 0; of < classes.size(); ++of) {
    ClassOutcome& made = classes[of];
    if (made.finished != 0) made.slowdown /= static_cast<double>(made.finished);
    made.fairness = jain(shares[of]);
  }
  outcome.classes = std::move(classes);
  return outcome;
}

// ── what is noted ────────────────────────────────────────────────────────────────────────────────

void Player::queue_changes(int by) {
  queue_area += static_cast<double>(queued) * static_cast<double>(now() - queue_since);
  queue_since = now();
  queued += static_cast<std::uint64_t>(by);
  longest_queue = std::max(longest_queue, queued);
}

void Player::traced(TraceEvent event, const Job& job) {
  if (options.hook) options.hook(event, job);
  auto* const subject = static_cast<Subject*>(entity_of(job).attributes.owner);
  switch (event) {
    case TraceEvent::spawn:
      queue_changes(1);  // its instance says when it became ready: begin_round()
      break;
    case TraceEvent::wake:
    case TraceEvent::preempt:
    case TraceEvent::yield:
      queue_changes(1);
      static_cast<Instance*>(subject)->ready_ns = now();
      break;
    case TraceEvent::run: {
      queue_changes(-1);
      Instance& instance = *static_cast<Instance*>(subject);
      const std::uint64_t since = std::max(instance.ready_ns, instance.arrived_ns);
      if (since >= workload.warm_up_ns) classes[instance.of].latency.add(now() - since);
      break;
    }
    default: break;
  }
}

}  // namespace

Outcome simulate(const Workload& workload, const SimulateOptions& options) {
  return std::make_unique<Player>(workload, options)->play();
}

}  // namespace async::sim
