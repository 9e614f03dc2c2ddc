// The tasks of a workload as coroutines of the runtime.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "director.h"
#include "player.h"
#include "walk.h"

namespace async::sim {
namespace {

/// The number (history.h) of the lock or channel that the step uses.
std::optional<std::uint64_t> shared_by(const Step& step) {
  switch (step.kind) {
    case Step::Kind::lock:
    case Step::Kind::unlock: return step.object;
    case Step::Kind::send:
    case Step::Kind::receive: return 1ull << 32 | step.object;
    default: return std::nullopt;
  }
}

/// Whether a director may let other tasks run between this step and the next. After a wait or a
/// yield they could run anyway.
bool lets_others_in(const Step& step) {
  switch (step.kind) {
    case Step::Kind::wait:
    case Step::Kind::yield:
    case Step::Kind::repeat:
    case Step::Kind::end: return false;
    default: return true;
  }
}

/// Awaited between two steps of a task. A director may let events and other tasks come first;
/// each such choice passes over this task (director.h). Does nothing if no director is present.
class LetIn : PreemptOp {
 public:
  explicit LetIn(std::uint64_t self) : self_(self) {}
  bool await_ready() const noexcept { return Director::present() == nullptr; }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    touch(self_);
    PreemptOp::await_suspend(self);
  }
  void await_resume() const noexcept { touch(self_); }

 private:
  std::uint64_t self_;  // the task's number for touch()
};

}  // namespace

Job& Player::spawn(std::size_t of, WaitGroup* forked_by) {
  const TaskClass& what = workload.classes[of];
  if (++living > most_tasks) {
    machine.note_trouble(
        fmt::format("class '{}' (line {}): more than {} tasks at once, at {} ns: lower the "
                    "arrival rate, the count of a closed class, or the duration",
                    what.name, what.place.line, most_tasks, now()));
  }
  auto made = std::make_unique<Instance>(*this, of, ++instances, options.machine.seed);
  Instance& instance = *made;
  instance.forked_by = forked_by;
  auto handle =
      async::spawn(live(std::move(made)),
                   {.name = what.name.c_str(), .priority = what.priority, .harts = what.harts});
  Job& job = handle.job();
  instance.job = &job;
  handle.detach();
  admit(instance);
  begin_round(instance, now());
  return job;
}

/// Begins a repetition of a task that arrives at `arrives_ns`, now or later. Sets the job's
/// attributes at once, because the policy queues the job by them when it wakes.
void Player::begin_round(Instance& instance, std::uint64_t arrives_ns) {
  const TaskClass& what = workload.classes[instance.of];
  instance.arrived_ns = arrives_ns;
  instance.demand_ns = instance.run_ns = 0;
  if (arrives_ns >= workload.warm_up_ns && arrives_ns < workload.duration_ns) {
    ++classes[instance.of].arrived;
  }
  Attributes attributes{.weight = what.weight,
                        .budget = Duration(instance.is_refused ? 0 : what.budget_ns),
                        .period = Duration(what.period_ns),
                        .owner = static_cast<Subject*>(&instance)};
  if (what.deadline_ns != 0) attributes.deadline = Instant(Duration(arrives_ns + what.deadline_ns));
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
    begin_round(*instance, now() + thinks);
    if (thinks == 0) {
      co_await yield();
    } else {
      co_await sleep_for(Duration(thinks), "think");
    }
    if (over) break;
  }
  if (!instance->is_refused) admission.release(workload.classes[instance->of]);
  --living;
  if (instance->forked_by != nullptr) instance->forked_by->done();
}

/// Takes the steps of the class once; false if the task was cancelled.
Task<bool> Player::go_round(Instance& instance) {
  std::vector<std::pair<std::uint32_t, Mutex::Guard>> guards;
  std::vector<std::uint32_t> plain;
  struct Release {
    std::deque<PlayedLock>& locks;
    std::vector<std::uint32_t>& plain;
    ~Release() {
      for (const std::uint32_t lock : plain) locks[lock].plain.release();
    }
  } const release{locks, plain};

  const std::uint64_t self = History::job(instance.number);
  std::uint64_t at_once = 0;  // steps without time passing
  std::uint64_t since = now();
  Walk walk(workload.classes[instance.of].steps);
  while (const Step* const next = is_cancelled() ? nullptr : walk.next()) {
    const Step& step = *next;
    at_once = std::exchange(since, now()) == now() ? at_once + 1 : 0;
    if (at_once > options.machine.most_at_once) {
      machine.note_stall();
      co_await yield();
      continue;
    }
    touch(self);
    if (const auto object = shared_by(step)) touch(*object);
    switch (step.kind) {
      case Step::Kind::run: {
        const std::uint64_t ns = step.time.draw(instance.random);
        instance.demand_ns += ns;
        instance.run_ns += ns;
        Compute work{Duration(ns)};
        for (instance.work = &work; !work.done();) co_await work;
        instance.work = nullptr;
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
        touch(*shared_by(step));
        channels[step.object].values.release();
        break;
      case Step::Kind::receive:
        if (co_await channels[step.object].values.acquire("channel empty") != WaitResult::woken) {
          co_return false;
        }
        touch(*shared_by(step));
        channels[step.object].slots.release();
        break;
      case Step::Kind::fork: {
        WaitGroup group;
        for (std::uint32_t i = 0; i < step.count && machine.trouble().empty(); ++i) {
          group.add(1);
          spawn(step.object, &group);
        }
        const Shield shield;
        co_await group.wait("join");
        break;
      }
      case Step::Kind::repeat:
      case Step::Kind::end: break;  // Walk::next() repeats the steps
    }
    if (lets_others_in(step)) co_await LetIn(self);
  }
  co_return !is_cancelled();
}

}  // namespace async::sim
