// run() on several harts: its threads, their bells, and how a loop sleeps.
#include <async/job_page.h>
#include <async/parallel.h>
#include <async_platform.h>

#include <array>
#include <atomic>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "../stack_pool.h"
#include "user/async.h"
#include "user/sync.h"
#include "user/thread.h"

extern "C" constinit thread_local user::detail::LoopThread* cotrap_loop_thread =
    user::detail::loop_threads.data();

namespace user::detail {
namespace {

/// The threads of run(). Each number is a futex word.
class Team {
 public:
  /// For run(): waits until `count` threads have joined or declined. Returns how many loops there
  /// are.
  unsigned assemble(unsigned count) {
    for (unsigned now = asked_; now != count; now = asked_) futex_wait(asked_, now);
    size_.store(joined_ + 1, std::memory_order_release);
    futex_wake(size_, std::numeric_limits<int>::max());
    return size_;
  }
  /// For a thread that has what a loop needs: returns its number when all numbers are given.
  unsigned join() {
    const unsigned number = joined_.fetch_add(1, std::memory_order_relaxed) + 1;
    answer();
    while (size_.load(std::memory_order_acquire) == 0) futex_wait(size_, 0);
    return number;
  }
  /// For a thread that lacks it.
  void answer() {
    asked_.fetch_add(1, std::memory_order_acq_rel);
    futex_wake(asked_, 1);
  }
  /// Waits until all loops exist. Idle loops look at the executors of others.
  void await_loops() { await_all(begun_); }
  /// Waits until no loop runs a step any more.
  void await_ends() { await_all(ended_); }

 private:
  void await_all(std::atomic<std::uint32_t>& here) {
    if (here.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
      futex_wake(here, std::numeric_limits<int>::max());
    }
    for (unsigned now = here; now != size_; now = here) futex_wait(here, now);
  }

  std::atomic<std::uint32_t> asked_ = 0, joined_ = 0, size_ = 0, begun_ = 0, ended_ = 0;
};

/// How many loops the present run() has, and how many of them sleep and wait only for others.
constinit std::atomic<unsigned> loops = 1;
constinit std::atomic<unsigned> helpless_loops = 0;

/// Makes the calling thread the one with this number.
class Membership {
 public:
  Membership(unsigned number, bool is_alone) {
    cotrap_loop_thread = &loop_threads[number];
    std::atomic_signal_fence(std::memory_order_seq_cst);
    LoopThread& thread = loop_threads[number];
    thread.hart = number;
    thread.local.smp_active = !is_alone;
    thread.bell = LoopThread::awake;
    machine::set_step_word(&thread.step);
  }
  ~Membership() {
    machine::set_step_word(nullptr);
    this_loop_thread().local.smp_active = false;
  }
  Membership(const Membership&) = delete;
};

void run_loop(Team& team, Loop& loop) {
  team.await_loops();
  loop.run_until_end();
  loop.remove_policy();  // which concerns all executors
  team.await_ends();
}

/// Whether `rests(hart)` is true for all other loops, and then their inboxes are empty.
template <class Rests>
bool others_have_no_job(Rests rests) {
  for (unsigned hart = 0; hart < loops; ++hart) {
    if (hart == async::platform::hart()) continue;
    if (!rests(hart) || !async::Executor::of(hart)->inbox_is_empty()) return false;
  }
  return true;
}

/// Whether all other loops are idle, and none has a job on its way. A hint.
bool others_idle() {
  const async::HartMask idle = async::Executor::idle_harts();
  return others_have_no_job([idle](unsigned hart) { return (idle >> hart & 1) != 0; });
}

/// Whether all other loops sleep, no bell has rung, and none has a job on its way.
bool others_sleep() {
  return others_have_no_job(
      [](unsigned hart) { return loop_threads[hart].bell == LoopThread::listening; });
}

}  // namespace

void run_on_harts(async::Task<> task, const RunOptions& given) {
  RunOptions options = given;
  if (options.harts == 0 || options.harts > most_loops) fail_in_async("run() has 1 … 64 harts");
  if (Loop::is_running()) fail_in_async("a job of run() calls run()");
  const bool is_alone = options.harts == 1;
  const auto has_enough_harts = [&] {
    return std::popcount(affinity(0).value_or(0)) >= static_cast<int>(options.harts);
  };
  if (is_alone || !has_enough_harts()) options.spin = {};
  if (!is_alone) async::JobPage::space_out();
  has_threads = true;
  loop_thread = several_threads;
  Loop::begin_run();
  Team team;
  const auto run_another = [&] {
    auto ring = Loop::make_ring(options);
    if (!ring) return team.answer();
    const Membership membership{team.join(), is_alone};
    Loop loop{options, std::move(*ring)};
    run_loop(team, loop);
  };
  {
    const Membership membership{0, is_alone};
    // Before the other threads, which may take all memory that the program can have.
    Loop loop{options, ring_for_run(options)};
    async::spawn_parallel(end_loop_after(std::move(task)), {.name = "main"}).detach();
    std::array<std::optional<Thread>, most_loops> threads;
    unsigned count = 0;
    for (; count + 1 < options.harts; ++count) {
      auto thread = Thread::start(run_another);
      if (!thread) break;
      threads[count] = std::move(*thread);
    }
    loops = team.assemble(count);
    helpless_loops = 0;
    run_loop(team, loop);
  }
  loop_thread = 0;
}

void switch_step(Stack* stack) noexcept {
  StepState& before = this_step();
  StepState& now = stack != nullptr ? stack->step : this_loop_thread().step;
  now = {.held_back = std::exchange(before.held_back, nullptr)};
  machine::set_step_word(&now);
}

// ── Bells ────────────────────────────────────────────────────────────────────────────────────────

void ring_bell(unsigned hart) noexcept {
  auto& bell = loop_threads[hart].bell;
  const auto before = bell.exchange(LoopThread::rung, std::memory_order_acq_rel);
  if (before == LoopThread::listening) futex_wake(bell, 1);
}

void ring_other_bells() noexcept {
  for (unsigned hart = 0; hart < loops; ++hart) {
    if (hart != async::platform::hart()) ring_bell(hart);
  }
}

void let_others_run(LoopThread& here) noexcept {
  constexpr nanoseconds pause{20'000};
  // yield() lets no less urgent thread run, but this thread may spin for one. A sleep lets it run.
  if (here.spins % 1024 == 0) {
    static_cast<void>(sleep_for(pause));
  } else {
    yield();
  }
}

void Loop::listen() {
  this_loop_thread().bell.exchange(LoopThread::listening, std::memory_order_acq_rel);
}

void Loop::stop_listening() {
  this_loop_thread().bell.exchange(LoopThread::awake, std::memory_order_acq_rel);
}

/// Makes the ring have a request that ends when the bell rings. If it has rung already, the request
/// ends at once.
void Loop::arm_bell() {
  if (std::exchange(bell_is_armed_, true)) return;
  submit(wait_for_word(this_loop_thread().bell, LoopThread::listening, bell_data));
}

/// Sends ready jobs to idle loops, because the running step may take long.
void Loop::offer_jobs() {
  if (!executor_.must_offer()) return;
  async::Strand::enter();
  async::Strand::leave();
}

// ── Sleep ────────────────────────────────────────────────────────────────────────────────────────

/// Spins for at most spin_ns_ while another loop is busy. Returns true if there is a job, a
/// completion, a notification or a due alarm, or if the run has ended. Returns false if the loop
/// must sleep, or must first submit system calls.
bool Loop::spin_for_work() {
  if (spin_ns_ == 0 || submitted_) return false;
  const std::uint64_t begin = async::platform::now_ns();
  for (std::uint64_t now = begin; now - begin < spin_ns_; now = async::platform::now_ns()) {
    for (int round = 0; round < 32; ++round) {
      if (has_ended() || !executor_.is_idle() || ring_.available() != 0 ||
          upcalls_.has_notifications())
        return true;
    }
    if (this_alarm() <= now) return true;
    if (others_idle()) return false;
  }
  return false;
}

// A hart that sends something writes the inbox, then rings. This loop sets the bell to listening,
// then reads the inbox. So one of the two sees what the other has written.
Loop::Asleep::Asleep(Loop& loop, bool is_helpless) : loop_{loop}, is_helpless_{is_helpless} {
  loop_.executor_.begin_idling();
  if (loop_.spin_for_work()) return;
  loop_.listen();
  loop_.arm_bell();
  is_due_ = loop_.executor_.is_idle() && !has_ended();
  if (!is_due_ || !is_helpless_) return;
  const bool all_are = helpless_loops.fetch_add(1) + 1 == loops;
  if (all_are && others_sleep() && helpless_loops == loops && loop_.executor_.inbox_is_empty())
    fail_in_async("every coroutine of the program waits for another one");
}

Loop::Asleep::~Asleep() {
  loop_.stop_listening();
  loop_.executor_.end_idling();
  if (is_due_ && is_helpless_) helpless_loops.fetch_sub(1);
}

}  // namespace user::detail
