#include "scenario.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace async::platform {

bool take_interrupts() noexcept {
  World::Hart& hart = this_hart();
  bool any = false;
  explorer.receive(&hart);
  explorer.touch(&world.now, Access::load);
  if (hart.interrupt) {
    any = true;
    explorer.touch(&hart, Access::write);
    std::exchange(hart.interrupt, nullptr)();
  }
  if (hart.alarm <= world.now) {
    any = true;
    explorer.touch(&world.now, Access::write);
    hart.alarm = UINT64_MAX;
    local().executor->alarm_fired();
  }
  return any;
}

}  // namespace async::platform

namespace parallel_test {

using async::Executor;
using async::platform::memory;
using async::platform::world;

namespace {

constexpr unsigned outside = async::platform::max_harts - 1;  // the hart number of devices

using Executors = std::array<std::optional<Executor>, outside>;
static_assert(sizeof(Executors) <= sizeof memory.executors && alignof(Executors) <= 64);
Executors& executors = *new (&memory.executors) Executors;

bool is_pending(const async::platform::World::Hart& hart) {
  return hart.ipi_sent || hart.interrupt || hart.alarm <= world.now;
}

void idle() {
  async::platform::World::Hart& hart = async::platform::this_hart();
  async::platform::reported_point("idle");
  explorer.wait("wfi", [&hart] { return is_pending(hart); });
  async::platform::take_ipi();
  async::platform::take_interrupts();
}

// ── preemption (docs/preemption.md) ──────────────────────────────────────────────────────────────

/// The stack of a preempted step. The executor resumes it in place of the step's coroutine.
struct StackContext : async::ForgedFrame<std::coroutine_handle<>> {
  StackContext() : ForgedFrame{return_to} {}

  Explorer::Stack* stack = nullptr;

  static void return_to(void* context) noexcept {
    explorer.return_to(*from<StackContext>(context).stack);
  }
};

/// Lets more urgent jobs run. Returns on the hart that continues the step.
void preempt(async::Job& job) {
  StackContext context;
  const auto interrupted = Executor::preempt(job, context.handle());
  async::platform::stop_running();
  explorer.leave_stack(context.stack, [] {
    Executor::ready_again(false);
    Executor::run(idle);
  });
  Executor::resume_preempted(job, interrupted);
}

const bool* mask_of(unsigned hart) {
  return &world.harts[hart].masked;
}

/// Called in a step of a preemptible job.
bool take_interrupts_in_step() {
  async::platform::World::Hart& hart = async::platform::this_hart();
  explorer.touch(&hart, Explorer::Access::load);
  explorer.touch(&world.now, Explorer::Access::load);
  if (!is_pending(hart)) return false;
  hart.masked = true;
  async::platform::take_ipi();
  async::platform::take_interrupts();
  async::Local& local = async::platform::local();
  if (local.spin_locks != 0) {
    local.preemption_held_back = true;
  } else if (local.executor->preempts(local.job->priority)) {
    preempt(*local.job);
  }
  async::platform::this_hart().masked = false;  // after preempt() the hart may be another one
  return true;
}

std::uint64_t next_alarm() {
  std::uint64_t next = UINT64_MAX;
  for (const auto& hart : world.harts) {
    if (hart.alarm > world.now) next = std::min(next, hart.alarm);
  }
  return next;
}

void clock() {
  for (;;) {
    explorer.wait("tick", [] { return next_alarm() != UINT64_MAX; });
    explorer.touch(&world.now, Explorer::Access::load);
    explorer.point("tick", &world.now, Explorer::Access::write, std::source_location::current());
    world.now = next_alarm();
  }
}

void check_end(const std::vector<async::JoinHandle<void>>& jobs,
               const std::set<std::string>& preemptible) {
  for (const auto& name : preemptible) {
    explorer.fail("no thread can continue, and '" + name + "' has not ended");
  }
  for (const auto& handle : jobs) {
    const async::Job& job = handle.job();
    if (!handle.done()) {
      explorer.fail(std::string("no thread can continue, and '") + job.name() + "' has not ended");
    } else if (job.priority != job.base_priority()) {
      explorer.fail(std::string("'") + job.name() + "' still has an inherited priority");
    }
  }
  for (unsigned hart = 0; hart < outside; ++hart) {
    if (executors[hart] && !executors[hart]->is_idle()) {
      explorer.fail("hart " + std::to_string(hart) + " idles although it has work");
    }
    check(!world.harts[hart].local.in_strand, "a hart idles in the strand");
    check(!world.harts[hart].local.shares_strand, "a hart idles and shares the strand");
    check(world.harts[hart].local.leaf_locks == 0, "a hart idles and holds a leaf lock");
  }
}

}  // namespace

void* Run::allocate(std::size_t bytes) {
  if (bytes > memory.states.size() - used_) explorer.fail("the scenario's state is too large");
  return &memory.states[std::exchange(used_, used_ + (bytes + 63) / 64 * 64)];
}

async::Job& Run::spawn(unsigned hart, Task<> task, const async::SpawnOptions& options) {
  explorer.set_hart(hart);
  return jobs_.emplace_back(async::spawn(std::move(task), options)).job();
}

async::Job& Run::spawn_preemptible(unsigned hart, Task<> task,
                                   const async::PreemptibleOptions& options) {
  explorer.set_hart(hart);
  preemptible_.insert(options.name);
  const auto run = [](Run& run, Task<> task, const char* name) -> Task<> {
    co_await std::move(task);
    run.preemptible_.erase(name);
  };
  return async::spawn_preemptible(run(*this, std::move(task), options.name), options);
}

void Run::add_device(const char* name, std::function<void()> body) {
  explorer.add_thread(name, outside, std::move(body));
}

void interrupt(unsigned hart, std::function<void()> what) {
  async::platform::reported_point("interrupt");
  explorer.send(&world.harts[hart]);
  world.has_interrupts = true;
  world.harts[hart].interrupt = std::move(what);
}

void compute_until(std::function<bool()> is_over, std::source_location where) {
  while (!is_over()) {
    const auto& hart = async::platform::this_hart();
    explorer.wait("compute", [&] { return is_over() || is_pending(hart); }, where);
    linger(where);  // takes the pending interrupt
  }
}

/// Runs every schedule up to the bound, until one fails.
Explorer::Report run_schedules(const Scenario& scenario, void (*set_up)(Run&)) {
  std::optional<Run> run;

  const auto begin = [&] {
    world = {};
    async::Strand::reset();
    world.has_interrupts = scenario.has_clock;
    static constexpr const char* names[] = {"hart 0", "hart 1", "hart 2"};
    for (unsigned hart = 0; hart < scenario.harts; ++hart) {
      explorer.set_hart(hart);
      world.harts[hart].local.smp_active = true;
      executors[hart].emplace();
      if (scenario.shares) async::Strand::let_share();
      explorer.add_thread(names[hart], hart, [] { Executor::run(idle); });
      explorer.watch(reinterpret_cast<const void* const*>(&world.harts[hart].local.job));
    }
    if (scenario.has_clock) explorer.add_thread("clock", outside, clock);
    run.emplace();
    set_up(*run);
  };
  const auto end = [&](bool failed) {
    if (!failed) {
      check_end(run->jobs_, run->preemptible_);
      for (const auto& check : run->checks_) check();
      failed = explorer.has_failed();
    }
    if (failed) async::Strand::reset();  // a hart may have been about to enter it
    for (unsigned hart = 0; hart < scenario.harts; ++hart) {
      explorer.set_hart(hart);
      async::Local& local = world.harts[hart].local;
      if (failed) {
        local.in_strand = local.shares_strand = false;
        local.leaf_locks = 0;
      }
      if (async::Strand::smp_active() && local.in_strand) async::Strand::leave();
      if (scenario.shares) async::Strand::end_sharing();
      local.smp_active = false;  // from now on only this function runs
    }
    explorer.set_hart(0);
    // In a failed run jobs still wait, and states may not be destroyed: both are kept for ever.
    for (auto& job : run->jobs_) {
      static auto& jobs = *new std::vector<async::JoinHandle<void>>;
      if (!job.done()) jobs.push_back(std::move(job));
    }
    static auto& states = *new std::vector<std::vector<std::shared_ptr<void>>>;
    if (failed) states.push_back(std::move(run->kept_));
    run.reset();
    for (unsigned hart = 0; hart < scenario.harts; ++hart) {
      explorer.set_hart(hart);
      executors[hart].reset();
    }
  };
  return explorer.explore(bound_of(scenario), begin, end,
                          {.mask_of = mask_of, .take = take_interrupts_in_step});
}

void explore(const Scenario& scenario, void (*set_up)(Run&)) {
  const Explorer::Report report = run_schedules(scenario, set_up);
  const Explorer::Bound bound = bound_of(scenario);
  std::printf("%s: %llu schedules with at most %u switches", scenario.name,
              static_cast<unsigned long long>(report.schedules), bound.switches);
  if (bound.reorderings) std::printf(" and %u reorderings", *bound.reorderings);
  std::printf(", the longest of %llu operations\n",
              static_cast<unsigned long long>(report.longest));
  std::fflush(stdout);
  INFO(scenario.name);
  INFO(report.failure);
  CHECK(report.failure.empty());
}

std::string find_failure(const Scenario& scenario, void (*set_up)(Run&)) {
  const Explorer::Report report = run_schedules(scenario, set_up);
  std::printf("%s: a failure in schedule %llu\n", scenario.name,
              static_cast<unsigned long long>(report.schedules));
  std::fflush(stdout);
  INFO(scenario.name);
  CHECK(!report.failure.empty());
  return report.failure;
}

}  // namespace parallel_test
