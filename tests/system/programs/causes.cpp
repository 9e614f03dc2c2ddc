// causes PART: enters this program by one simulated trap (trap/cause.h), and checks the router's
// rows and the registers. The rows count entries that the kernel makes of its own accord.
#include <user/async.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>
#include <user/thread.h>
#include <user/upcalls.h>

#include <array>
#include <charconv>
#include <functional>
#include <string>
#include <string_view>

#include "upcalls/upcalls.h"

using namespace upcalls;

namespace {

enum Row { first, execve, page, exception, notification, resume, restart };
constexpr std::array<std::string_view, 7> rows{
    "enter-first",        "enter-execve", "enter-page",    "enter-exception",
    "enter-notification", "enter-resume", "enter-restart",
};
using Counts = std::array<long, rows.size()>;

// The sum of a row over all harts.
long sum_of(std::string_view line) {
  long sum = 0;
  for (const char *at = line.begin(), *const end = line.end(); at != end;) {
    long count = 0;
    while (at != end && *at == ' ') ++at;
    const auto [behind, error] = std::from_chars(at, end, count);
    if (error != std::errc{}) break;
    sum += count;
    at = behind;
  }
  return sum;
}

Counts counts() {
  const std::string text = must(read_file("/proc/interrupts"), "/proc/interrupts");
  Counts all{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name{std::string{rows[i]} + ":"};
    const std::size_t at = text.find(name);
    check(at != std::string::npos, "the table has a row {}", rows[i]);
    const std::size_t begin = at + name.size();
    all[i] = sum_of(std::string_view{text}.substr(begin, text.find('\n', begin) - begin));
  }
  return all;
}

// Checks that `enter` makes the entries in `expected`, and no others.
void check_entries(const Counts& expected, const std::function<void()>& enter) {
  const Counts before = counts();
  enter();
  const Counts after = counts();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check(after[i] - before[i] == expected[i], "{}: {} entries, not {}", rows[i],
          after[i] - before[i], expected[i]);
  }
}

Counts one_of(std::initializer_list<Row> of) {
  Counts expected{};
  for (const Row row : of) expected[row] = 1;
  return expected;
}

constexpr unsigned rounding_down = 2;

// ── One part for each cause ──

void first_instruction() {
  check_entries(one_of({first}), [] {
    int seen = 0;
    must(Thread::start([&seen] { seen = 7; }), "a thread").join();
    check(seen == 7, "the thread's first instruction has its arguments");
  });
}

// The new program finds the registers of its start, and none of the program before.
void another_program() {
  check_entries(one_of({first, execve}), [] {
    set_rounding_mode(rounding_down);
    const char* const arguments[] = {"causes", "started", nullptr};
    const Pid child = must(spawn(program_path(), arguments), "a program");
    check(must(wait(child), "waiting").status.exit_code() == 0,
          "the program starts in the default rounding mode");
    check(rounding_mode() == rounding_down, "its parent keeps its own");
    set_rounding_mode(0);
  });
}

// After a system call, which has its result, the program finds its other registers.
void return_from_call() {
  check_entries({}, [] {
    set_rounding_mode(rounding_down);
    must(sleep_for(1ms), "sleeping");
    check(syscall(Call::getppid) > 0, "a call that waits for nothing has its result");
    check(rounding_mode() == rounding_down, "a call keeps the other registers");
    set_rounding_mode(0);
  });
}

Task<> touch_rounding_down(Disk disk, bool& over) {
  set_rounding_mode(rounding_down);
  check_page(disk, 1);
  check(rounding_mode() == rounding_down, "a resumed coroutine finds its registers");
  set_rounding_mode(0);
  over = true;
  co_return;
}
Task<> run_meanwhile(const bool& over) {
  while (!over) {
    check(rounding_mode() == 0, "an upcall enters the scheduler in the default modes");
    co_await async::yield();
  }
}

void awaited_page() {
  check_entries(one_of({page, resume}), [] {
    run([]() -> Task<> {
      bool over = false;
      co_await async::when_all(touch_rounding_down(map_disk(), over), run_meanwhile(over));
    }());
  });
}

void restarted_instruction() {
  check_entries(one_of({restart}), [] {
    const Disk disk = map_disk();
    set_rounding_mode(rounding_down);
    check_page(disk, 2);
    check(rounding_mode() == rounding_down, "a restarted instruction finds its registers");
    set_rounding_mode(0);
  });
}

void failed_attempt() {
  check_entries(one_of({exception}), [] {
    run([]() -> Task<> {
      check(!attempt(read_nowhere), "the program gets the exception");
      co_return;
    }());
  });
}

std::atomic<std::uint64_t> handled = 0;
Task<> notify_itself() {
  set_rounding_mode(rounding_down);
  must(notify(thread_id(), 4), "notify");
  check(handled == 4, "the handler runs before the call returns");
  check(rounding_mode() == rounding_down, "an interrupted coroutine finds its registers");
  set_rounding_mode(0);
  co_return;
}
void handle(std::uint64_t bits) {
  check(rounding_mode() == 0, "a notification enters the scheduler in the default modes");
  handled |= bits;
}

void delivered_notification() {
  check_entries(one_of({notification, resume}),
                [] { run(notify_itself(), {.on_notification = handle}); });
}

// ── The cause of a trap, in /proc/threads ──

// Empty if the thread has ended.
std::string cause_of(Pid thread) {
  const std::string text = must(read_file("/proc/threads"), "/proc/threads");
  const std::size_t line = text.find(format("\t{}\t", thread));
  if (line == std::string::npos) return {};
  const std::size_t end = text.find('\n', line);
  const std::size_t begin = text.rfind('\t', end) + 1;
  return text.substr(begin, end - begin);
}

// A call that the fast path answers reports its own cause, whatever trap came before.
void own_cause() {
  const auto check_it = [] {
    const std::string cause = cause_of(thread_id());
    check(cause == "system call", "inside a call, its cause is '{}'", cause);
  };
  check_it();
  set_rounding_mode(rounding_down);  // on riscv64 an illegal instruction, if it is the first use
  check_it();
  set_rounding_mode(0);
  check_page(map_disk(), 3);
  check_it();
}

// A thread that waits for a page was stopped by its fault. A busy host may not look in time, so
// the thread reads many pages.
void cause_of_waiting() {
  std::atomic<Pid> other = 0;
  std::atomic<bool> over = false, seen = false;
  Thread thread{[&] {
    other = thread_id();
    for (int round = 0; round < 50 && !seen; ++round) {
      const Disk disk = map_disk();
      for (std::size_t page = 4; page < disk_pages && !seen; ++page) check_page(disk, page);
    }
    over = true;
  }};
  while (!over) {
    if (other != 0 && cause_of(other) == "page fault") seen = true;
    must(sleep_for(1ms), "sleeping");
  }
  thread.join();
  check(seen, "the cause of a thread that waits for a page is its fault");
}

struct Named {
  std::string_view name;
  void (*check)();
};
constexpr Named parts[] = {
    {"first", first_instruction},
    {"execve", another_program},
    {"call", return_from_call},
    {"page", awaited_page},
    {"restart", restarted_instruction},
    {"exception", failed_attempt},
    {"notification", delivered_notification},
    {"own-cause", own_cause},
    {"waiting", cause_of_waiting},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view part = argc == 2 ? argv[1] : "";
  if (part == "started") return rounding_mode() == 0 ? 0 : 1;
  for (const Named& each : parts) {
    if (each.name == part) return each.check(), 0;
  }
  user::fail("usage: causes PART");
}
