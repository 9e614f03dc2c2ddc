// Provokes traps one at a time, at every possible point, and checks their effects.
//
//   traps rows          provokes each row of the router by itself and checks its counter; with
//                       the boot option `trace`, also checks its events in /proc/traps
//   traps inject COUNT  makes system calls with a different value in every register, until a more
//                       urgent thread has preempted such a call at each of its clock ticks, or
//                       COUNT times; prints the number of calls, the number of ticks at which a
//                       call was preempted, and how many ticks a call takes
//   traps inject COUNT flushes
//                       meanwhile another hart unmaps memory, and so makes this one flush its TLB;
//                       also prints how often
//   traps pairs COUNT   an interrupt comes 0, 1, … COUNT - 1 ticks after another one; each must
//   wake
//                       its thread although the program makes no further trap
#include <abi/self_test.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "patterns.h"

using namespace user;

namespace {

using abi::SelfTest;

// The program `causes` checks the rows of the other simulated traps.
constexpr std::array<std::string_view, 7> rows{
    "kernel-wake",  "kernel-preempt", "kernel-yield-point", "user-wake",
    "user-preempt", "user-exception", "enter-first",
};
using Counts = std::array<long, rows.size()>;

void self_test(SelfTest which, unsigned long argument) {
  must(call(abi::self_test, static_cast<unsigned long>(which), argument, nullptr, 0),
       "a self-test");
}

// The counts of hart 0, the only hart.
Counts counts() {
  const std::string text = must(read_file("/proc/interrupts"), "/proc/interrupts");
  Counts all{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t at = text.find(std::string{rows[i]} + ":");
    check(at != std::string::npos, "the table has a row {}", rows[i]);
    at = text.find_first_not_of(' ', at + rows[i].size() + 1);
    std::from_chars(text.data() + at, text.data() + text.size(), all[i]);
  }
  return all;
}

// Counts the trace's events after `time` (in ns), by row, and advances `time`.
Counts traced_since(unsigned long& time) {
  const std::string text = must(read_file("/proc/traps"), "/proc/traps");
  const unsigned long before = time;
  Counts all{};
  for (std::size_t line = 0, end; (end = text.find('\n', line)) != std::string::npos;
       line = end + 1) {
    std::from_chars(&text[line], &text[end], time);
    if (time <= before) continue;
    const std::string_view name{&text[text.rfind(' ', end) + 1], &text[end]};
    for (std::size_t i = 0; i < rows.size(); ++i) all[i] += rows[i] == name;
  }
  return all;
}

Counts difference(const Counts& before, const Counts& after) {
  Counts all{};
  for (std::size_t i = 0; i < rows.size(); ++i) all[i] = after[i] - before[i];
  return all;
}

// Calls `provoke` and returns by how much each count grows meanwhile.
Counts counts_of(const std::function<void()>& provoke) {
  const Counts before = counts();
  provoke();
  return difference(before, counts());
}

// Checks that `provoke` makes `times` traps of the row `name`, none of other rows, and `calls`
// system calls beside those that read the counts.
void check_row(std::string_view name, long times, long calls,
               const std::function<void()>& provoke) {
  counts_of([] {});  // the first run touches pages, which may fault
  // After this idle time, the next timer tick that checks for stalls is 2 ms away.
  must(sleep_for(5ms), "sleeping");
  const Counts idle = counts_of([] {});
  static unsigned long traced = 0;
  traced_since(traced);
  const Counts made = counts_of(provoke);
  const Counts events = traced_since(traced);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    long expected = rows[i] == name ? times : 0;
    if (rows[i] == "user-exception") expected += idle[i] + calls;
    check(made[i] == expected, "{}: {} counts {}, not {}", name, rows[i], made[i], expected);
  }
  if (traced != 0) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // The trace has faults but no system calls. A read of the trace may cause more faults.
      if (rows[i] == "user-exception" && events[i] >= (rows[i] == name ? times : 0)) continue;
      check(events[i] == (rows[i] == name ? times : 0), "{}: {} events of {}", name, events[i],
            rows[i]);
    }
  }
  println("{}\t{}", name, times);
}

extern "C" const volatile char __executable_start[], etext[];  // defined by the linker

int check_rows() {
  for (auto* page = __executable_start; page < etext; page += 4096) (void)*page;
  // The first runs touch pages, which may fault.
  counts_of([] { self_test(SelfTest::bell_wakes, 1); });
  counts_of([] { self_test(SelfTest::bell_preempts, 1); });
  check_row("kernel-wake", 5, 1, [] { self_test(SelfTest::bell_wakes, 5); });
  check_row("kernel-preempt", 5, 1, [] { self_test(SelfTest::bell_preempts, 5); });
  check_row("kernel-yield-point", 5, 1, [] { self_test(SelfTest::bell_at_yield_point, 5); });
  self_test(SelfTest::set_bell, 0);
  check_row("user-wake", 1, 1, [] { self_test(SelfTest::ring_bell, 0); });
  must(sleep_for(1ms), "sleeping");  // lets the less urgent handler run
  self_test(SelfTest::set_bell, 1);
  check_row("user-preempt", 1, 1, [] { self_test(SelfTest::ring_bell, 0); });
  const auto call_often = [] {
    for (int i = 0; i < 100; ++i) syscall(Call::getppid);
  };
  must(sleep_for(5ms), "sleeping");  // as in check_row(): no timer tick comes meanwhile
  const Counts calls = counts_of(call_often);
  const Counts none = counts_of([] {});
  check(difference(none, calls) == Counts{0, 0, 0, 0, 0, 100, 0}, "each system call is counted");
  constexpr int page = 4096, fresh = 5;
  alignas(page) static volatile char memory[fresh * page];
  check_row("user-exception", fresh, 0, [] {
    for (int i = 0; i < fresh; ++i) memory[i * page] = 1;
  });
  alignas(16) static std::byte stack[16 * 1024];
  const auto start_thread = [] {
    must(Thread::start([] {}, {.memory = stack}), "a thread").join();
  };
  start_thread();                             // the first run touches the thread's memory
  constexpr int threads = 3, calls_each = 3;  // clone, exit, and a wait for the exit
  check_row("enter-first", threads, threads * calls_each, [&] {
    for (int i = 0; i < threads; ++i) start_thread();
  });
  return 0;
}

// The urgent thread: at each request it sleeps until `deadline`.
struct Urgent {
  std::atomic<std::uint32_t> asked = 0;
  nanoseconds deadline = 0ns;
  std::atomic<unsigned long> woken = 0;

  void run() {
    must(set_realtime_priority(0, 50), "raising the priority");
    for (std::uint32_t seen = 0;;) {
      while (asked == seen) futex_wait(asked, seen);
      seen = asked;
      if (deadline == 0ns) return;
      must(sleep_until(deadline), "sleeping");
      ++woken;
    }
  }
  void ask(nanoseconds until) {
    deadline = until;
    ++asked;
    futex_wake(asked, 1);
  }
};

struct CallTimes {
  unsigned long begin, end;  // ticks of the clock
  bool interrupted;          // the urgent thread woke during the call, or shortly before it
};

// Makes a system call at a given tick of the clock, with a different value in every register.
CallTimes check_call(Random& random, long parent, unsigned long tick, unsigned long pause,
                     const Urgent& urgent) {
  Registers registers;
  fill(registers, random);
  registers.integer_in[processor::call_number] = processor::numbers_of(Call::getppid)[0];
  while (processor::clock_ticks() < tick) {
  }
  const auto woken = urgent.woken.load();
  for (unsigned long i = 0; i < pause; ++i) asm volatile("nop");
  const auto begin = processor::clock_ticks();
  variants[0].call(&registers);
  const auto end = processor::clock_ticks();
  const CallTimes times{begin, end, urgent.woken.load() != woken};
  const auto answer = static_cast<long>(compare_after_call(registers, variants[0], "getppid"));
  check(answer == parent, "getppid returned {}, not {}", answer, parent);
  return times;
}

void stay_on(unsigned hart) {
  must(set_affinity(0, 1ul << hart), "a hart");
}

// A thread on another hart that unmaps memory all the time.
class Flushes {
 public:
  Flushes() : thread_{[this] { run(); }} {}
  ~Flushes() { is_over_ = true; }
  long count() const { return count_; }

 private:
  void run() {
    stay_on(1);
    constexpr std::size_t page = 4096;
    while (!is_over_) {
      auto* const memory = must(map_memory(page, abi::prot_read | abi::prot_write), "a page");
      *memory = std::byte{1};
      must(unmap_memory(memory, page), "unmapping");
      ++count_;
    }
  }

  std::atomic<bool> is_over_ = false;
  std::atomic<long> count_ = 0;
  Thread thread_;  // joined first
};

int inject(unsigned long most, bool beside_flushes) {
  constexpr nanoseconds tick{processor::nanoseconds_per_tick};
  constexpr auto head_start = 3ms;  // time for the urgent thread to fall asleep
  // The number of ticks from before a call to after it. A sweep makes one call for each of these
  // ticks, with the urgent thread's deadline at that tick.
  constexpr unsigned long sweep = 1500;
  constexpr unsigned long margin = 300;
  const long parent = syscall(Call::getppid);
  const auto ticks_of = [tick](nanoseconds time) {
    return static_cast<unsigned long>(time / tick);
  };
  // places[i]: the urgent thread preempted a call, and its deadline was i - margin ticks after the
  // begin of that call (with the error of `origin`).
  std::vector<bool> places(sweep);
  unsigned long length = sweep, count = 0, hit = 0;
  Random random{0x9e37'79b9'7f4a'7c15};
  Urgent urgent;
  if (beside_flushes) stay_on(0);
  Thread thread{[&] { urgent.run(); }};  // on the same hart
  std::optional<Flushes> flushes;
  if (beside_flushes) flushes.emplace();
  // The loop in check_call() does not see every tick of the clock. So each sweep pauses for one
  // more nop than the sweep before it, to reach the other ticks.
  while (hit < length && count < most) {
    ++count;
    // The clock's tick at the kernel's time 0, wrong by at most the time that now() takes.
    const unsigned long origin = processor::clock_ticks() - ticks_of(now());
    urgent.ask(now() + head_start);
    const unsigned long due = origin + ticks_of(urgent.deadline);
    const CallTimes times =
        check_call(random, parent, due + margin - count % sweep, count / sweep, urgent);
    while (urgent.woken < count) {
    }
    if (!times.interrupted) length = std::min(length, times.end - times.begin);
    const unsigned long place = due + margin - times.begin;
    if (times.interrupted && place < sweep) places[place] = true;
    hit = static_cast<unsigned long>(std::ranges::count(places, true));
  }
  urgent.ask(0ns);
  thread.join();
  println("intact\t{}\nplaces\t{}\nlength\t{}", count, hit, length);
  if (flushes) println("flushes\t{}", flushes->count());
  return 0;
}

int pairs(unsigned long count) {
  constexpr nanoseconds tick{processor::nanoseconds_per_tick};
  constexpr nanoseconds head_start = 3ms,
                        limit = 4ms;  // the limit is several thousand instructions
  Urgent first, second;
  Thread threads[]{Thread{[&] { first.run(); }}, Thread{[&] { second.run(); }}};
  for (unsigned long apart = 0; apart < count; ++apart) {
    const auto deadline = now() + head_start;
    first.ask(deadline);
    second.ask(deadline + apart * tick);
    const auto end =
        processor::clock_ticks() + static_cast<unsigned long>((head_start + limit) / tick) + apart;
    const auto woken = [&] { return first.woken > apart && second.woken > apart; };
    while (!woken() && processor::clock_ticks() < end) continue;
    check(woken(), "an interrupt {} ticks after another one wakes its thread", apart);
  }
  first.ask(0ns);
  second.ask(0ns);
  println("pairs\t{}", count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "rows") return check_rows();
  unsigned long count = 0;
  const bool beside_flushes = argc == 4 && argv[3] == std::string_view{"flushes"};
  if (what == "inject" && (argc == 3 || beside_flushes)) {
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
    return inject(count, beside_flushes);
  }
  if (what == "pairs" && argc == 3) {
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
    return pairs(count);
  }
  complain("usage: traps rows | inject COUNT [flushes] | pairs COUNT");
  return 2;
}
