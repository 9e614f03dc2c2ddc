#include "machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "director.h"

namespace async::sim {
namespace {

Machine* present = nullptr;  // at most one at a time
/// Memory for jobs. Each machine leaves it to the next one, because for_each_job() visits all pages
/// that were ever allocated.
constinit std::array<JobPool, platform::max_harts> job_pools;

}  // namespace

Subject* subject_of(const Job& job) {
  return static_cast<Subject*>(entity_of(job).attributes.owner);
}
std::uint64_t number_of(const Job& job) {
  const Subject* const subject = subject_of(job);
  return subject == nullptr ? 0 : subject->number;
}

using platform::world;

Machine::Machine(const Options& options)
    : options_(options), harts_(std::make_unique<Hart[]>(options.harts)) {
  if (present != nullptr) platform::fail("a simulated machine exists already");
  present = this;
  world = {.listener = this};
  FaultPlan faults = options_.faults;
  faults.seed += options_.seed;
  set_faults(faults);
  for (unsigned number = 0; number < options_.harts; ++number) {
    world.hart = number;
    Hart& hart = harts_[number];
    platform::locals[number].job = nullptr;
    platform::locals[number].smp_active = options_.harts > 1;
    hart.executor.emplace(number);
    hart.executor->jobs() = job_pools[number];
    hart.executor->set_policy(options_.policy->make(
        hart.memory.bytes,
        {.hart = number, .seed = options_.seed + number, .slice = options_.slice}));
  }
  set_trace_hook([](TraceEvent event, const Job& job) { present->traced(event, job); });
  policy::breach_hook = [](const policy::Breach& breach) { present->breached(breach); };
  for (unsigned number = 0; number < options_.harts; ++number) run_ready(number);
}

void Machine::wind_down() {
  Director::end();  // the director chooses nothing in wind_down()
  set_faults({});
  winding_down_ = true;
  arrivals_.assign(arrivals_.size(), [] {});  // no more tasks arrive
  const auto cancel_all = [] {
    std::size_t jobs = 0;
    for_each_job(
        [](void* jobs, const Job& job) {
          ++*static_cast<std::size_t*>(jobs);
          const_cast<Job&>(job).cancel();
        },
        &jobs);
    return jobs;
  };
  std::size_t when_stalled = ~std::size_t{0};
  while (const std::size_t jobs = cancel_all()) {
    if (is_stalled()) {
      if (jobs >= std::exchange(when_stalled, jobs)) platform::fail("cancelled jobs do not end");
      steps_at_once_ = 0;
    }
    for (unsigned number = 0; number < options_.harts; ++number) {
      Hart& hart = harts_[number];
      world.hart = number;
      if (hart.computing != nullptr) {
        add(world.now, Kind::finish, number, ++hart.generation);
      } else if (!hart.paying && !hart.stepping) {
        run_hart(number);
      }
    }
    if (!events_.empty()) {
      run_until(events_.top().ns);
    } else if (!is_stalled() && cancel_all() != 0) {
      platform::fail("cancelled jobs do not end");
    }
  }
  winding_down_ = false;
}

Machine::~Machine() {
  set_trace_hook(nullptr);
  wind_down();
  for (unsigned number = 0; number < options_.harts; ++number) {
    world.hart = number;
    job_pools[number] = harts_[number].executor->jobs();
    harts_[number].executor.reset();
    platform::locals[number].smp_active = false;
    platform::locals[number].job = nullptr;
  }
  policy::breach_hook = nullptr;
  world = {};
  present = nullptr;
}

// ── a hart ───────────────────────────────────────────────────────────────────────────────────────

void Compute::await_suspend(std::coroutine_handle<> self) noexcept {
  Job& job = current_job();
  job.set_leaf(self);
  Machine::Hart& hart = present->harts_[platform::hart()];
  hart.computing = this;
  hart.job = &job;
  platform::local().job = nullptr;  // so the executor does not take the step as ended
}

/// Runs jobs, like Executor::run(), until the hart is idle or does something that takes time. With
/// a director each step is an event, so other events may come before it.
void Machine::run_hart(unsigned number) {
  Hart& hart = harts_[number];
  if (Director::present() == nullptr) return run_ready(number);
  if (!std::exchange(hart.stepping, true)) add(world.now, Kind::step, number, 0);
}

void Machine::run_ready(unsigned number) {
  world.hart = number;
  Hart& hart = harts_[number];
  if (std::exchange(hart.idle, false)) hart.executor->end_idling();
  for (;;) {
    while (Executor::run_one()) {
      if (is_stalled() || is_in_trouble() || start_computing(hart, number)) return;
      if (Director::present() != nullptr && !hart.executor->is_idle()) return run_hart(number);
    }
    hart.executor->begin_idling();
    hart.idle = true;
    if (hart.executor->inbox_is_empty()) return;
    hart.executor->end_idling();
    hart.idle = false;
  }
}

/// Called after a step. True: the step computes or has costs, and the hart continues at their end.
/// False: the hart continues now.
bool Machine::start_computing(Hart& hart, unsigned number) {
  const std::uint64_t overhead = std::exchange(hart.overhead_ns, 0);
  if (hart.computing == nullptr && overhead == 0) return false;
  hart.began_ns = world.now + overhead;
  ++hart.generation;
  if (hart.computing == nullptr) {
    hart.paying = true;
    add(hart.began_ns, Kind::finish, number, hart.generation);
    return true;
  }
  platform::local().job = hart.job;
  add(hart.began_ns + hart.computing->left_ns_, Kind::finish, number, hart.generation);
  // The step may have woken a more urgent job, or its time slice may be over.
  return !preempt(hart, number);
}

/// The time left in the slice of the computing job. Without a policy, jobs of one priority share
/// the hart by slices.
Duration Machine::until_tick(const Hart& hart) const {
  if (const Policy* const policy = hart.executor->policy()) return policy->until_tick();
  return options_.slice - Duration(world.now - hart.slice_began_ns);
}

bool Machine::is_slice_over(Hart& hart) {
  if (Policy* const policy = hart.executor->policy()) return policy->tick();
  if (until_tick(hart).count() > 0) return false;
  if (hart.executor->preempts(hart.job->priority + 1u)) return true;
  hart.slice_began_ns = world.now;  // no other job is ready: this one gets another slice
  return false;
}

/// Adds the tick at the end of the slice, unless a tick or the computation's end comes first.
void Machine::add_tick(Hart& hart, unsigned number) {
  const Duration until = until_tick(hart);
  if (until == Duration::max()) return;
  const std::uint64_t ns = world.now + static_cast<std::uint64_t>(until.count());
  if (hart.tick_generation == hart.generation && hart.tick_ns <= ns) return;
  if (ns >= hart.began_ns + hart.computing->left_ns_) return;
  hart.tick_generation = hart.generation;
  hart.tick_ns = ns;
  add(ns, Kind::tick, number, hart.generation);
}

/// After an interrupt: runs a more urgent job, as the kernel does before it returns to user mode.
void Machine::interrupt(unsigned number) {
  Hart& hart = harts_[number];
  if (hart.paying || hart.stepping) return;  // the hart's next event looks for ready jobs
  if (hart.computing == nullptr || preempt(hart, number)) run_hart(number);
}

/// Preempts the computing job if another job must run first. False: it continues.
bool Machine::preempt(Hart& hart, unsigned number) {
  // If the computation is complete, its finish event is due now. Only a director may let a
  // preemption come before that event.
  const bool is_done = has_computed(hart) == hart.computing->left_ns_;
  if (is_done && Director::present() == nullptr) return false;
  const Strand::Guard strand;  // deadline_lent_to() reads mutexes only in the strand
  const bool slice_over = is_slice_over(hart);
  if (!hart.executor->preempts(hart.job->priority + slice_over)) {
    add_tick(hart, number);
    return false;
  }
  charge(hart, number);
  hart.computing = nullptr;
  ++hart.generation;
  if (Subject* const subject = subject_of(*hart.job); subject != nullptr && !slice_over) {
    subject->slice_used_ns = world.now - hart.slice_began_ns;
  }
  trace(TraceEvent::preempt, *hart.job);
  Executor::ready_again(slice_over);
  return true;
}

/// How long the job has computed since it was last charged.
std::uint64_t Machine::has_computed(const Hart& hart) const {
  const std::uint64_t since = world.now > hart.began_ns ? world.now - hart.began_ns : 0;
  return std::min(since, hart.computing->left_ns_);  // the finish event may come late
}

void Machine::charge(Hart& hart, unsigned number) {
  const std::uint64_t used = has_computed(hart);
  counts_.busy_ns[number] += used;
  hart.computing->left_ns_ -= used;
  hart.began_ns += used;
}

// ── trouble ──────────────────────────────────────────────────────────────────────────────────────

void Machine::note_trouble(std::string what) {
  if (trouble_.empty()) trouble_ = std::move(what);
}

void Machine::breached(const policy::Breach& breach) {
  const Subject* const subject = subject_of(*breach.job);
  const auto task = subject == nullptr ? "an ended task" : fmt::format("task {}", subject->number);
  note_trouble(fmt::format(
      "policy '{}' breaks its contract (async/policy/rules.h): {}: {} of '{}', at {} ns "
      "on hart {}, seed {}",
      breach.policy, breach.what, task, breach.job->name(), world.now, world.hart, options_.seed));
}

// ── counts ───────────────────────────────────────────────────────────────────────────────────────

void Machine::count_hash(std::uint64_t value) {
  hash_ = (hash_ ^ value) * 0x100000001b3;
  hash_ ^= hash_ >> 29;
}

void Machine::traced(TraceEvent event, const Job& job) {
  if (Director* const director = Director::present()) {
    History& history = director->history();
    history.touch(History::job(number_of(job)));
    if (event == TraceEvent::spawn) history.touch_everything();
    if (event == TraceEvent::run) history.runs_code();
  }
  if (event == TraceEvent::run) {
    Hart& hart = harts_[world.hart];
    const std::uint64_t number = number_of(job);
    ++counts_.steps;
    steps_at_once_ = std::exchange(last_step_ns_, world.now) == world.now ? steps_at_once_ + 1 : 0;
    Subject* const subject = subject_of(job);
    hart.slice_began_ns =
        world.now - (subject == nullptr ? 0 : std::exchange(subject->slice_used_ns, 0));
    hart.overhead_ns += options_.costs.resume;
    if (std::exchange(hart.last_job, number) != number) {
      ++counts_.changes;
      hart.overhead_ns += options_.costs.change;
    }
    count_hash(number);
    count_hash(world.now * platform::max_harts + world.hart);
  } else if (event == TraceEvent::preempt) {
    ++counts_.preemptions;
  } else if (event == TraceEvent::migrate) {
    ++counts_.migrations;
    harts_[job.hart].overhead_ns += options_.costs.migrate;
  }
  if (hook_) hook_(event, job);
}

}  // namespace async::sim
