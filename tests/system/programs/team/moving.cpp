// Preempted steps and stackful jobs move between loops.
#include <fenv.h>
#include <user/stackful.h>
#include <user/sync.h>

#include <memory>
#include <optional>
#include <vector>

#ifdef __riscv
#include "registers.h"
#endif
#include "team.h"

namespace team {
namespace {

// Where a job has been. The thread that runs a loop never changes.
class Path {
 public:
  void here() {
    const Unpreempted stay;
    const unsigned hart = async::platform::hart();
    const Pid thread = thread_id();
    auto& known = threads_[hart];
    if (known == 0) known = thread;
    check(known == thread, "loop {} is on thread {}, not on {}", hart, known, thread);
    if (last_ && *last_ != hart) ++moves_;
    last_ = hart;
  }
  int moves() const { return moves_; }

 private:
  std::array<Pid, 64> threads_{};
  std::optional<unsigned> last_;
  int moves_ = 0;
};

// ── Preempted steps ──

constexpr int enough = 5;  // moves: a busy host makes few

struct State {
  std::atomic<bool> over = false;
  std::atomic<int> woken = 0;
};

// One on each loop, with other values in all registers.
Task<> wake_often(State& state) {
  while (!state.over) {
    co_await async::sleep_for(500us);
    fesetround(FE_UPWARD);
    volatile double x = 1;
    for (int i = 0; i < 10; ++i) x = x * 1.5;
    fesetround(FE_TONEAREST);
    ++state.woken;
  }
}

Task<> beside_urgent(State& state, std::vector<async::JoinHandle<void>> computing) {
  std::vector<async::JoinHandle<void>> urgent;
  for (unsigned i = 0; i < loops; ++i) {
    urgent.push_back(async::spawn(wake_often(state), {.priority = 0, .harts = 1ul << i}));
  }
  for (auto& job : computing) co_await std::move(job);
  state.over = true;
  for (auto& job : urgent) co_await std::move(job);
}

user::Mutex shared_mutex;
async::SpinLock shared_spin_lock;
std::uint64_t first_count = 0, second_count = 0;

void count_in_locks() {
  const Lock lock{shared_mutex};
  const async::SpinLock::Guard guard{shared_spin_lock};
  check(first_count == second_count, "a lock excludes all other steps");
  first_count += 1;
  asm volatile("" ::: "memory");
  second_count += 1;
}

void fail_attempt() {
  const auto done = attempt([] {
    const Guarded<Lock> lock{shared_mutex};
    volatile int* const nothing = nullptr;
    *nothing = 1;
  });
  check(!done && done.error().signal == abi::Signal::sigsegv, "an attempt fails");
}

// All that a step may do while it moves.
void do_everything(Path& path) {
  std::uint64_t a = 1, b = 2, c = 3;
  double x = 1, y = 2;
  for (int i = 0; i < 1000; ++i) {
    if (i % 200 == 0) path.here();
    a = a * 3 - 2, b = b * 5 - 8, c = c * 7 - 18;
    x = x * 3.5 - 2.5, y = y * 1.5 - 1;
  }
  check(a == 1 && b == 2 && c == 3 && x == 1 && y == 2, "registers keep their values");
  check(fegetround() == FE_TONEAREST, "a preempted step keeps its rounding mode");
  const auto block = std::make_unique<std::array<int, 20>>();
  asm volatile("" ::"r"(block.get()) : "memory");
  count_in_locks();
  check(attempt([] {}).has_value(), "an attempt ends");
  fail_attempt();
}

void compute_until_moved(Path& path) {
  preemptible([&] {
    const auto end = now() + 20s;
    while (path.moves() < enough && now() < end) do_everything(path);
  });
}

// One step fewer than loops, so that a loop is idle and takes what others preempt.
Task<> move_steps() {
  State state;
  std::vector<Path> paths(std::max(1u, loops / 2));
  std::vector<async::JoinHandle<void>> computing;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (i % 2 == 0) {
      computing.push_back(async::spawn(
          [](Path& path) -> Task<> {
            compute_until_moved(path);
            co_await async::yield();
            path.here();
          }(paths[i]),
          {.priority = 20}));
    } else {
      computing.push_back(must(spawn_stackful(
                                   [&, i] {
                                     compute_until_moved(paths[i]);
                                     wait_for(async::yield());
                                     paths[i].here();
                                   },
                                   {.priority = 20}),
                               "a stack"));
    }
  }
  co_await beside_urgent(state, std::move(computing));
  for (const Path& path : paths) {
    check(path.moves() >= enough, "a preempted step continues on other loops: {} times",
          path.moves());
  }
}

// The options of a job say on which loops its step may continue.
Task<> stay() {
  State state;
  Path path;
  std::vector<async::JoinHandle<void>> computing;
  computing.push_back(async::spawn(
      [](State& state, Path& path) -> Task<> {
        preemptible([&] {
          const auto end = now() + 20s;
          while (state.woken < 100 && now() < end) do_everything(path);
        });
        co_return;
      }(state, path),
      {.priority = 20, .harts = 1}));
  co_await beside_urgent(state, std::move(computing));
  check(state.woken >= 100, "urgent coroutines run in the middle of the step");
  check(path.moves() == 0, "the step stays on its loop");
}

// ── At each instruction ──

#ifdef __riscv
void hold_patterns(int number) {
  const auto round = static_cast<std::uint64_t>(number);
  Registers registers;
  for (std::uint64_t i = 0; i < 32; ++i) {
    registers.integer_in[i] = (round << 32) + 0x1111 * (i + 1);
    registers.vector_in[i] = 0x3ff0'0000'0000'0000 + (round << 16) + i;
  }
  registers.modes_in[0] = (round % 5) << 5 | round % 32;
  registers.integer_in[6] = 3;
  spin_on_any_thread(&registers);
  for (int i = 1; i < 32; ++i) {
    const bool is_pattern = i > 4 && i != 6 && i != 31;
    check(!is_pattern || registers.integer_out[i] == registers.integer_in[i], "x{} is intact", i);
  }
  for (int i = 0; i < 32; ++i) {
    check(registers.vector_out[i] == registers.vector_in[i], "f{} is intact", i);
  }
  check(registers.modes_out[0] == registers.modes_in[0], "fcsr is intact");
}

Task<> wake_at(nanoseconds time, std::atomic<bool>& woken) {
  co_await async::sleep_until(async::Instant{time});
  woken = true;
}

// In each round the sleep of an urgent coroutine ends a tick of the clock later in the step, which
// repeats `body`. So an interrupt comes at each instruction of it. Then the step moves to an idle
// loop.
template <class Body>
Task<> move_at_each_instruction(int rounds, Body body) {
  constexpr nanoseconds tick = 100ns;
  int moved = 0;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<bool> woken = false;
    const unsigned hart = async::platform::hart();
    const auto begin = now() + 5ms;
    auto urgent =
        async::spawn(wake_at(begin + round * tick, woken), {.priority = 0, .harts = 1ul << hart});
    co_await async::yield();
    while (now() < begin - 50us) continue;
    preemptible([&] {
      while (!woken) body(round);
    });
    if (async::platform::hart() != hart) ++moved;
    co_await std::move(urgent);
  }
  check(moved >= rounds * 9 / 10, "steps move at each instruction: {} of {}", moved, rounds);
}

// A step that moves while it begins to forbid preemption forbids it on its new loop.
void forbid(int) {
  const Unpreempted stay;
  check(detail::this_step().preemption == detail::StepState::Preemption::forbidden,
        "the step stays on the loop that it has moved to");
}

Task<> move_everywhere() {
  co_await move_at_each_instruction(1'300, hold_patterns);
  co_await move_at_each_instruction(200, forbid);
  co_await move_at_each_instruction(600, [](int) {
    count_in_locks();
    check(attempt([] {}).has_value(), "an attempt ends");
  });
}
#endif

// ── Stackful jobs ──

// A yield that waits in await_suspend() after it has made the job ready. Another loop may continue
// the function meanwhile.
struct SlowYield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    async::platform::begin_wait();
    async::Job& job = async::current_job();
    job.set_leaf(self);
    async::current_executor().requeue(job);
    for (const auto end = now() + 200us; now() < end;) continue;
  }
  void await_resume() const noexcept {}
};

// Loops that have nothing to do for a while take jobs of others. A wait lasts longer than the steps
// of all other functions of a loop, so a loop often has nothing to do.
double wait_often(Path& path, std::atomic<int>& moved, unsigned number) {
  double x = 1;
  const auto end = now() + 20s;
  for (unsigned i = number; moved < enough && now() < end; ++i) {
    const int before = path.moves();
    path.here();
    moved += path.moves() - before;
    x = x * 3.5 - 2.5;
    if (i % 4 == 0) {
      wait_for(async::sleep_for(1ms));
    } else {
      wait_for(SlowYield{});
    }
  }
  return x;
}

Task<> move_functions() {
  std::vector<Path> paths(3 * loops);
  std::vector<async::JoinHandle<double>> jobs;
  std::atomic<int> moved = 0;
  for (unsigned i = 0; i < paths.size(); ++i) {
    jobs.push_back(
        must(spawn_stackful([&, i] { return wait_often(paths[i], moved, i); }), "a stack"));
  }
  for (auto& job : jobs) check(co_await std::move(job) == 1, "a function keeps its values");
  check(moved >= enough, "functions continue on other loops: {} times", moved.load());
}

}  // namespace

void moves() {
  on_all(move_steps());
}
void stays() {
  on_all(stay());
}
void moves_everywhere() {
#ifdef __riscv
  on_all(move_everywhere());
#endif
}
void moves_functions() {
  on_all(move_functions());
}

}  // namespace team
