#include "machine.h"

#include <algorithm>
#include <utility>

namespace async::sim {
namespace {

Machine* present = nullptr;  // one at a time

std::uint64_t number_of(const Job& job) {
  const void* const owner = entity_of(job).attributes.owner;
  return owner == nullptr ? 0 : static_cast<const Subject*>(owner)->number;
}

}  // namespace

using platform::world;

Machine::Machine(const Options& options) : options_(options) {
  if (present != nullptr) platform::fail("one machine at a time");
  present = this;
  world = {.listener = this};
  for (unsigned number = 0; number < options_.harts; ++number) {
    world.hart = number;
    Hart& hart = harts_[number];
    platform::locals[number].job = nullptr;
    platform::locals[number].in_company = options_.harts > 1;
    hart.executor.emplace(number);
    hart.executor->set_policy(options_.policy->make(
        hart.memory.bytes,
        {.hart = number, .seed = options_.seed + number, .slice = options_.slice}));
  }
  set_trace_hook([](TraceEvent event, const Job& job) { present->traced(event, job); });
  for (unsigned number = 0; number < options_.harts; ++number) run_hart(number);
}

void Machine::wind_down() {
  const auto cancel_all = [] {
    bool any = false;
    for_each_job(
        [](void* any, const Job& job) {
          *static_cast<bool*>(any) = true;
          const_cast<Job&>(job).cancel();
        },
        &any);
    return any;
  };
  while (cancel_all()) {
    for (unsigned number = 0; number < options_.harts; ++number) {
      Hart& hart = harts_[number];
      world.hart = number;
      if (hart.computing != nullptr) {
        add(world.now, Kind::finish, number, ++hart.generation);
      } else if (!hart.paying) {
        run_hart(number);
      }
    }
    if (!events_.empty()) {
      run_until(events_.top().ns);
    } else if (cancel_all()) {
      platform::fail("jobs that are cancelled do not end");
    }
  }
}

Machine::~Machine() {
  set_trace_hook(nullptr);
  arrivals_.assign(arrivals_.size(), [] {});
  wind_down();
  for (unsigned number = 0; number < options_.harts; ++number) {
    world.hart = number;
    harts_[number].executor.reset();
    platform::locals[number].in_company = false;
    platform::locals[number].job = nullptr;
  }
  world = {};
  present = nullptr;
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────

void Machine::add(std::uint64_t ns, Kind kind, unsigned hart, std::uint64_t generation) {
  events_.push({ns, ++ordered_, kind, static_cast<std::uint8_t>(hart), generation});
}

void Machine::at(std::uint64_t ns, unsigned hart, std::function<void()> what) {
  std::uint64_t place = arrivals_.size();
  if (free_arrivals_.empty()) {
    arrivals_.push_back(std::move(what));
  } else {
    place = free_arrivals_.back();
    free_arrivals_.pop_back();
    arrivals_[place] = std::move(what);
  }
  add(std::max(ns, world.now), Kind::arrival, hart, place);
}

void Machine::alarm_set(unsigned hart, std::uint64_t ns) {
  add(std::max(ns, world.now), Kind::alarm, hart, ++harts_[hart].alarm_generation);
}

void Machine::poked(unsigned hart) {
  if (std::exchange(harts_[hart].ipi_pending, true)) return;
  add(world.now + options_.costs.ipi, Kind::ipi, hart, 0);
}

void Machine::run_until(std::uint64_t ns) {
  while (!events_.empty() && events_.top().ns <= ns) {
    const Event event = events_.top();
    events_.pop();
    world.now = event.ns;
    ++counts_.events;
    handle(event);
  }
  world.now = std::max(world.now, ns);
}

void Machine::handle(const Event& event) {
  Hart& hart = harts_[event.hart];
  world.hart = event.hart;
  switch (event.kind) {
    case Kind::arrival: {
      const auto what = std::exchange(arrivals_[event.generation], nullptr);
      free_arrivals_.push_back(event.generation);
      what();
      return interrupt(event.hart);
    }
    case Kind::alarm:
      if (event.generation != hart.alarm_generation) return;
      hart.executor->alarm_fired();
      return interrupt(event.hart);
    case Kind::ipi: hart.ipi_pending = false; return interrupt(event.hart);
    case Kind::tick:
      if (event.generation != hart.generation || hart.computing == nullptr) return;
      interrupt(event.hart);
      if (event.generation == hart.generation) add_tick(hart, event.hart);
      return;
    case Kind::finish:
      if (event.generation != hart.generation) return;
      if (!std::exchange(hart.paying, false)) {
        counts_.busy_ns[event.hart] += world.now - hart.began_ns;
        hart.computing->left_ns_ = 0;
        hart.computing = nullptr;
        platform::local().job = hart.job;
        Executor::go_on();
        if (start_computing(hart, event.hart)) return;
      }
      run_hart(event.hart);
  }
}

// ── a hart ───────────────────────────────────────────────────────────────────────────────────────

void Compute::await_suspend(std::coroutine_handle<> self) noexcept {
  Job& job = current_job();
  job.set_leaf(self);
  Machine::Hart& hart = present->harts_[platform::hart()];
  hart.computing = this;
  hart.job = &job;
  platform::local().job = nullptr;  // its step has not ended, for all that the executor will see
}

/// As Executor::run(), until the hart has nothing to do or does something that takes time.
void Machine::run_hart(unsigned number) {
  world.hart = number;
  Hart& hart = harts_[number];
  if (std::exchange(hart.idle, false)) hart.executor->end_idling();
  for (;;) {
    while (Executor::run_one()) {
      if (start_computing(hart, number)) return;
    }
    hart.executor->begin_idling();
    hart.idle = true;
    if (hart.executor->inbox_is_empty()) return;
    hart.executor->end_idling();
    hart.idle = false;
  }
}

/// The step that has stopped computes, or has cost something: the hart goes on later. False: now.
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
  const std::uint64_t generation = hart.generation;
  interrupt(number);  // what the step itself has woken may be more urgent; its turn may be over
  if (hart.generation == generation) add_tick(hart, number);
  return true;
}

/// Of what the hart computes. Without a policy turns are for those of one priority.
Duration Machine::until_tick(const Hart& hart) const {
  if (const Policy* const policy = hart.executor->policy()) return policy->until_tick();
  return options_.slice - Duration(world.now - hart.turn_began_ns);
}

bool Machine::is_turn_over(Hart& hart) {
  if (Policy* const policy = hart.executor->policy()) return policy->tick();
  if (until_tick(hart).count() > 0) return false;
  if (hart.executor->preempts(hart.job->priority + 1u)) return true;
  hart.turn_began_ns = world.now;  // the next one is its own, too
  return false;
}

void Machine::add_tick(Hart& hart, unsigned number) {
  const Duration until = until_tick(hart);
  if (until == Duration::max()) return;
  const std::uint64_t ns = world.now + static_cast<std::uint64_t>(until.count());
  if (ns < hart.began_ns + hart.computing->left_ns_) add(ns, Kind::tick, number, hart.generation);
}

/// As on the kernel's way back to user mode.
void Machine::interrupt(unsigned number) {
  Hart& hart = harts_[number];
  if (hart.paying) return;  // it will look
  if (hart.computing == nullptr) return run_hart(number);
  const bool turn_over = is_turn_over(hart);
  if (!hart.executor->preempts(hart.job->priority + turn_over)) return;
  const std::uint64_t used = world.now > hart.began_ns ? world.now - hart.began_ns : 0;
  counts_.busy_ns[number] += used;
  hart.computing->left_ns_ -= used;
  hart.computing = nullptr;
  ++hart.generation;
  trace(TraceEvent::preempt, *hart.job);
  Executor::ready_again(turn_over);
  run_hart(number);
}

// ── what is counted ──────────────────────────────────────────────────────────────────────────────

void Machine::count_hash(std::uint64_t value) {
  hash_ = (hash_ ^ value) * 0x100000001b3;
  hash_ ^= hash_ >> 29;
}

void Machine::traced(TraceEvent event, const Job& job) {
  if (event == TraceEvent::run) {
    Hart& hart = harts_[world.hart];
    const std::uint64_t number = number_of(job);
    ++counts_.steps;
    hart.turn_began_ns = world.now;
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
