// Notifications, completions and alarms preempt steps of preemptible coroutines.
#include <fenv.h>
#include <user/sync.h>

#include <cmath>
#include <memory>
#include <new>

#include "upcalls.h"

namespace upcalls {
namespace {

constexpr std::uint64_t beat = 1;
constexpr int enough = 200;

// Notifies this thread once a period until it is destroyed.
class Beats {
 public:
  explicit Beats(nanoseconds period = 50us)
      : sender_{[this, period, self = thread_id()] {
          while (!over_) {
            must(notify(self, beat), "notify");
            must(sleep_for(period), "sleeping");
          }
        }} {}
  ~Beats() { over_ = true; }

 private:
  std::atomic<bool> over_ = false;
  Thread sender_;  // joined first
};

struct State {
  std::atomic<int> woken = 0;  // how often the urgent coroutine ran
  std::atomic<bool> over = false;
};

// The compiler must make the block, although nothing reads it.
template <class T>
void use(const std::unique_ptr<T>& block) {
  asm volatile("" ::"r"(block.get()) : "memory");
}

// Gives all registers other values, and counts.
Task<> be_urgent(State& state) {
  while (!state.over) {
    static_cast<void>(co_await notified(beat));
    fesetround(FE_UPWARD);
    use(std::make_unique<std::array<int, 10>>());
    volatile double x = 3;
    check(std::sqrt(x * x) == 3, "the urgent coroutine computes");
    fesetround(FE_TONEAREST);
    ++state.woken;
  }
}

// Runs `work` with priority 20 while the urgent coroutine wakes at each notification.
Task<> beside_urgent(State& state, Task<> work) {
  const Beats beats;
  auto urgent = async::spawn(be_urgent(state), {.priority = 0});
  auto working = async::spawn(std::move(work), {.priority = 20});
  co_await std::move(working);
  state.over = true;
  co_await std::move(urgent);
  check(upcall_counts().preemptions > 0, "notifications preempt steps");
}

// Keeps `value` in the result register of system calls for 1,000 rounds of a loop, then returns it.
std::uint64_t hold(std::uint64_t value) {
#ifdef __riscv
  register std::uint64_t a0 asm("a0") = value;
  asm volatile(
      "li t0, 1000\n"
      "1: addi t0, t0, -1\n"
      "bnez t0, 1b"
      : "+r"(a0)
      :
      : "t0");
  return a0;
#else
  asm volatile(
      "mov $1000, %%ecx\n"
      "1: dec %%ecx\n"
      "jnz 1b"
      : "+a"(value)
      :
      : "ecx", "cc");
  return value;
#endif
}

// One step, without a system call. Only a preemption lets the urgent coroutine run.
void count_in_one_step(State& state) {
  const auto end = now() + 20s;
  while (state.woken < enough && now() < end) {
    std::uint64_t a = 1, b = 2, c = 3;
    double x = 1, y = 2;
    for (int i = 0; i < 1000; ++i) {
      a = a * 3 - 2, b = b * 5 - 8, c = c * 7 - 18;
      x = x * 3.5 - 2.5, y = y * 1.5 - 1;
    }
    check(a == 1 && b == 2 && c == 3 && x == 1 && y == 2, "registers keep their values");
    check(fegetround() == FE_TONEAREST, "a preempted step keeps its rounding mode");
    // In the kernel, a call with this result would wait.
    const std::uint64_t answer = -4096;
    check(hold(answer) == answer, "a preempted step keeps any value of the result register");
  }
  check(state.woken >= enough, "the urgent coroutine runs in the middle of a step");
}

Task<> preempts() {
  State state;
  co_await beside_urgent(state, [](State& state) -> Task<> {
    preemptible([&] { count_in_one_step(state); });
    co_return;
  }(state));
}

// Both coroutines take these locks. A thread that waits for its own lock waits for ever.
user::Mutex shared_mutex;
async::SpinLock shared_spin_lock;

// Two numbers that are equal whenever nobody holds the spin lock.
struct Equal {
  void add() {
    const async::SpinLock::Guard guard{shared_spin_lock};
    check(first == second, "no coroutine preempts a step that holds a spin lock");
    first += 1;
    use(nothing);
    second += 1;
  }
  std::uint64_t first = 0, second = 0;
  std::unique_ptr<int> nothing;
};
Equal equal;

void hold_locks(State& state) {
  while (state.woken < enough) {
    use(std::make_unique<std::array<std::byte, 100>>());
    const Lock lock{shared_mutex};
    equal.add();
  }
}

Task<> take_locks(State& state) {
  while (!state.over) {
    static_cast<void>(co_await notified(beat));
    use(std::make_unique<std::array<std::byte, 100>>());
    const Lock lock{shared_mutex};
    equal.add();
    ++state.woken;
  }
}

Task<> holds() {
  State state;
  const Beats beats;
  auto urgent = async::spawn(take_locks(state), {.priority = 0});
  co_await async::yield();
  preemptible([&] { hold_locks(state); });
  state.over = true;
  co_await std::move(urgent);
}

void notify_urgent(std::uint64_t bits = beat) {
  must(notify(thread_id(), bits), "notify");
}

// Notifies while an attempt fails. The kernel makes no upcall then.
struct NotifiesAtEnd {
  ~NotifiesAtEnd() { notify_urgent(); }
};

// An urgent coroutine that becomes ready while the step holds a lock runs when the step leaves it.
void leave_locks(const State& state) {
  for (int i = 0; i < enough; ++i) {
    const int before = state.woken;
    {
      const Lock lock{shared_mutex};
      notify_urgent();
      preemptible([] {});
      check(state.woken == before, "no coroutine preempts a step that holds a lock");
    }
    check(state.woken == before + 1, "a preemption that was held back comes at the end");
    {
      const async::SpinLock::Guard guard{shared_spin_lock};
      notify_urgent();
      check(state.woken == before + 1, "no coroutine preempts a step that holds a spin lock");
    }
    check(state.woken == before + 2, "a preemption that was held back comes at the end");
    notify_urgent();
    check(state.woken == before + 3, "a step that holds no lock is preempted at once");
    const auto failed = attempt([] {
      const Guarded<Lock> lock{shared_mutex};
      notify_urgent();
      read_nowhere();
    });
    check(!failed && state.woken == before + 4, "a failed attempt leaves its locks");
    const auto failed_again = attempt([] {
      const Guarded<NotifiesAtEnd> notifies;
      read_nowhere();
    });
    check(!failed_again && state.woken == before + 5,
          "a notification during a failure preempts the step after it");
    {
      const Lock lock{shared_mutex};
      {
        const async::SpinLock::Guard guard{shared_spin_lock};
        notify_urgent();
      }
      check(state.woken == before + 5, "the outer lock holds the preemption back");
    }
    check(state.woken == before + 6, "a preemption that two locks held back comes at the end");
  }
}

Task<> leaves() {
  State state;
  auto urgent = async::spawn(be_urgent(state), {.priority = 0});
  co_await async::yield();
  preemptible([&] { leave_locks(state); });

  const int before = state.woken;
  notify_urgent();
  check(state.woken == before, "no coroutine preempts an ordinary step");
  preemptible([&] { check(state.woken == before + 1, "… until it allows that"); });
  state.over = true;
  notify_urgent();
  co_await std::move(urgent);
}

// The second notification comes at any instant while the first one preempts the step and the loop
// resumes it. No further one follows.
Task<> wait_for_one(State& state) {
  static_cast<void>(co_await notified(2));
  ++state.woken;
}

Task<> gets_each() {
  for (int round = 0; round < enough; ++round) {
    State state;
    auto first = async::spawn(be_urgent(state), {.priority = 1});
    auto second = async::spawn(wait_for_one(state), {.priority = 0});
    co_await async::yield();
    Thread sender{[self = thread_id(), round] {
      must(notify(self, beat), "notify");
      for (volatile int i = 0; i < round * 20;) i = i + 1;
      must(notify(self, 2), "notify");
    }};
    preemptible([&] {
      const auto end = now() + 20s;
      while (state.woken < 2 && now() < end) {
      }
    });
    check(state.woken == 2, "each notification lets its coroutine run before the step ends");
    state.over = true;
    notify_urgent();
    co_await std::move(first);
    co_await std::move(second);
  }
}

// ── Without notifications: the end of a sleep, and the completion of a system call ──

Task<> sleep_often(State& state) {
  while (!state.over) {
    co_await async::sleep_for(20us);
    ++state.woken;
  }
}

Task<> count_beside(Task<> urgent, State& state) {
  auto other = async::spawn(std::move(urgent), {.priority = 0});
  auto working = async::spawn(
      [](State& state) -> Task<> {
        preemptible([&] { count_in_one_step(state); });
        co_return;
      }(state),
      {.priority = 20});
  co_await std::move(working);
  state.over = true;
  co_await std::move(other);
  check(upcall_counts().preemptions > 0, "the step is preempted");
}

Task<> sleeps() {
  State state;
  co_await count_beside(sleep_often(state), state);
  check(upcall_counts().notifications == 0, "… without a notification");
}

// On a machine that counts time in instructions.
Task<> wake_on_time(State& state, int times, nanoseconds time) {
  for (int i = 0; i < times; ++i) {
    const auto due = now() + time;
    co_await async::sleep_until(async::Instant{due});
    const auto late = now() - due;
    check(late <= 10us, "the sleep of an urgent coroutine ends {} ns late", late.count());
  }
  state.woken = enough;
}

Task<> is_on_time() {
  State state;
  co_await count_beside(wake_on_time(state, 50, 1ms), state);
  check(upcall_counts().notifications == 0, "… without a notification");
}

// Notifications come every 31 µs, and sleeps last 20 µs. So some notifications come just before a
// sleep ends.
Task<> is_on_time_among_beats() {
  State state;
  const Beats beats{31us};
  co_await count_beside(wake_on_time(state, 5'000, 20us), state);
}

Task<> read_often(State& state, Fd pipe) {
  std::byte byte;
  while (const auto read = co_await sys::read(pipe, std::span{&byte, 1})) {
    if (*read == 0) break;
    ++state.woken;
  }
}

Task<> reads() {
  State state;
  const auto pipe = must(make_pipe(), "a pipe");
  Thread writer{[&] {
    while (!state.over && state.woken < enough) {
      must(write(pipe.write_end, std::string_view{"b"}), "writing");
      must(sleep_for(50us), "sleeping");
    }
    must(close(pipe.write_end), "closing");
  }};
  co_await count_beside(read_often(state, pipe.read_end), state);
  check(upcall_counts().notifications == 0, "… without a notification");
  writer.join();
  must(close(pipe.read_end), "closing");
}

Task<> sleep_until_then(State& state, nanoseconds end) {
  co_await async::sleep_until(async::Instant{end});
  state.over = true;
}

// The sleep ends at any instant: while the step begins to be preemptible, fails an attempt, holds a
// lock, or resumes after a notification. The rounds spread it over the time that this takes.
Task<> gets_each_alarm() {
  constexpr int rounds = 1000;
  nanoseconds taken = 100us;
  for (int round = 0; round < rounds; ++round) {
    State state;
    const auto begin = now();
    auto first = async::spawn(be_urgent(state), {.priority = 1});
    auto second =
        async::spawn(sleep_until_then(state, begin + taken * round / rounds), {.priority = 0});
    co_await async::yield();
    preemptible([&] {
      static_cast<void>(attempt([] { read_nowhere(); }));
      {
        const Lock lock{shared_mutex};
        for (volatile int i = 0; i < 100;) i = i + 1;
      }
      notify_urgent();
      taken = (3 * taken + 2 * (now() - begin)) / 4;  // once and a half of the mean
      const auto end = now() + 20s;
      while (!state.over && now() < end) {
      }
      check(state.over, "each coroutine whose sleep ends runs in the middle of the step");
    });
    notify_urgent();
    co_await std::move(first);
    co_await std::move(second);
  }
}

// An abandoned step, and the end of run(), leave no trace in the state of other steps.
Task<Verdict> leave_it(Exception) {
  co_return Verdict::leave;
}

Task<> fail_in_lock() {
  preemptible([] {
    const Guarded<Lock> lock{shared_mutex};
    const Guarded<async::SpinLock::Guard> guard{shared_spin_lock};
    read_nowhere();
  });
  co_return;
}

Task<> wait_for_page_in_lock(Disk disk, std::size_t page) {
  preemptible([&] {
    const Guarded<Lock> lock{shared_mutex};
    check_page(disk, page);
  });
  co_return;
}

Task<> abandon(Disk disk, std::size_t page) {
  async::spawn(fail_in_lock()).detach();
  co_await async::yield();
  co_await async::yield();
  check(shared_mutex.try_lock(), "a step that is left unlocks its Guarded<Lock>");
  shared_mutex.unlock();
  co_await leaves();
  async::spawn(wait_for_page_in_lock(disk, page)).detach();
  co_await async::yield();
}

void abandons() {
  const Disk disk = map_disk();
  for (std::size_t page = 0; page < 8; ++page) {
    run(abandon(disk, page), {.on_exception = leave_it});
    run(leaves());
  }
}

// Waits, makes calls, touches pages of the disk and fails attempts between and in preempted parts.
Task<> do_everything(State& state, Disk disk) {
  for (std::size_t page = 0; state.woken < enough || page < disk_pages; ++page) {
    preemptible([&] {
      check_page(disk, page % disk_pages);
      const auto failed = attempt([] {
        const auto block = std::make_unique<int>(1);
        read_nowhere();
      });
      check(!failed, "an attempt in a step that may be preempted fails");
      const Guarded<std::vector<int>> numbers{100};
      check_page(disk, (page + 7) % disk_pages);
      for (volatile int i = 0; i < 20'000;) i = i + 1;
    });
    std::array<std::byte, 16> bytes;
    const auto zero = open("/dev/zero");
    check(zero && co_await sys::read(*zero, bytes) == bytes.size(), "reading through the ring");
    must(close(*zero), "closing");
    co_await async::sleep_for(10us);
  }
  preemptible([] {
    const auto end = now() + 20s;
    while (upcall_counts().preemptions == 0 && now() < end) {
    }
  });
}

Task<> does_everything() {
  State state;
  const Disk disk = map_disk();
  co_await beside_urgent(state, [](State& state, Disk disk) -> Task<> {
    co_await async::when_all(do_everything(state, disk), do_everything(state, disk),
                             do_everything(state, disk));
  }(state, disk));
}

// Each coroutine is more urgent than the one before, which it preempts. No more than four steps are
// preempted at a time.
struct Levels {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> last_ran = false;
};

Task<> wait_for_last(Levels& levels, std::uint64_t bit) {
  static_cast<void>(co_await notified(bit));
  levels.most = std::max(++levels.running, levels.most.load());
  preemptible([&] {
    notify_urgent(bit << 1);
    const auto end = now() + 20ms;
    while (!levels.last_ran && now() < end) {
    }
  });
  --levels.running;
}

Task<> nests() {
  constexpr unsigned count = 8;
  Levels levels;
  std::vector<async::JoinHandle<void>> jobs;
  for (unsigned level = 0; level < count; ++level) {
    jobs.push_back(async::spawn(wait_for_last(levels, 1ull << level),
                                {.priority = static_cast<std::uint8_t>(25 - level)}));
  }
  jobs.push_back(async::spawn(
      [](Levels& levels) -> Task<> {
        static_cast<void>(co_await notified(1ull << count));
        levels.last_ran = true;
      }(levels),
      {.priority = 1}));
  co_await async::sleep_for(1ms);
  notify_urgent(1);
  for (auto& job : jobs) co_await std::move(job);
  check(levels.running == 0 && levels.last_ran, "all levels end");
  check(levels.most == 5, "four steps are preempted at a time, not {}", levels.most - 1);
}

// run() ends while a step is preempted. The step never resumes, and its stack is free again.
Task<> spin_for_ever() {
  preemptible([] {
    for (std::atomic<int> spins = 0;; ++spins) {
    }
  });
  co_return;
}

Task<> end_in_preemption() {
  auto spinning = async::spawn(spin_for_ever(), {.priority = 20});
  const Beats beats;
  static_cast<void>(co_await notified(beat));
  static_cast<void>(co_await notified(beat));
  std::move(spinning).detach();
}

void left_over() {
  for (int i = 0; i < 50; ++i) run(end_in_preemption());
}

}  // namespace

std::span<const Part> preempted() {
  static constexpr Part parts[] = {
      {"preempts", [] { run(preempts()); }},
      {"holds", [] { run(holds()); }},
      {"leaves", [] { run(leaves()); }},
      {"does-everything", [] { run(does_everything()); }},
      {"gets-each", [] { run(gets_each()); }},
      {"abandons", abandons},
      {"nests", [] { run(nests()); }},
      {"left-over", left_over},
      {"sleeps", [] { run(sleeps()); }},
      {"reads", [] { run(reads()); }},
      {"gets-each-alarm", [] { run(gets_each_alarm()); }},
      {"is-on-time", [] { run(is_on_time()); }},
      {"is-on-time-among-beats", [] { run(is_on_time_among_beats()); }},
  };
  return parts;
}

}  // namespace upcalls
