// Vector registers of riscv64. Needs a processor that has them.
//
//   vectors PART       one of `parts` below
//   vectors hold ROUNDS, vectors fresh      its processes
#include <user/async.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "../free_pages.h"
#include "vectors.h"

using namespace user;

namespace {

std::uint64_t seed_of(std::uint64_t number) {
  return 0x9e37'79b9'7f4a'7c15 * (static_cast<std::uint64_t>(thread_id()) * 16 + number + 1);
}

Pid run_self(const char* part, const char* more = nullptr) {
  const char* const arguments[] = {"vectors", part, more, nullptr};
  return must(spawn(program_path(), arguments), "a process");
}
void check_end(Pid child) {
  const auto ended = must(wait(child), "waiting");
  check(ended.status.word() == 0, "the process {} ends with {:#x}", child, ended.status.word());
}

// ── Several processes and threads ──

std::atomic<unsigned> all_own = 0, all_ones = 0;

void hold_with_calls(int rounds, std::uint64_t number) {
  Vectors vectors{seed_of(number)};
  for (int i = 0; i < rounds; ++i) {
    vectors.check_hold(i % 16 == 0 ? 100'000 : 1'000);
    if (i % 4 != 3) must(call(Call::sched_yield), "yielding");
    if (i % 32 == 1) must(sleep_for(100us), "sleeping");
    vectors.check_after_call();
  }
  all_own += vectors.was_own();
  all_ones += vectors.was_ones();
}

int hold(int rounds) {
  {
    std::vector<Thread> threads;
    for (std::uint64_t i = 0; i < 3; ++i) threads.emplace_back([=] { hold_with_calls(rounds, i); });
    threads.emplace_back([=] {
      for (int i = 0; i < rounds / 16; ++i) check_computing(seed_of(i));
    });
  }
  return 0;
}

int share(const char* rounds) {
  std::vector<Pid> children;
  for (int i = 0; i < 3; ++i) children.push_back(run_self("hold", rounds));
  for (const Pid child : children) check_end(child);
  println("3 processes of 4 threads keep their vector registers");
  return 0;
}

// ── Preemption at each instruction, on a machine that counts ──

struct Urgent {
  std::atomic<std::uint32_t> asked = 0;
  nanoseconds deadline = 0ns;
  std::atomic<unsigned long> woken = 0;

  void run() {
    must(set_realtime_priority(0, 50), "raising the priority");
    Vectors vectors{seed_of(0)};
    for (std::uint32_t seen = 0;;) {
      while (asked == seen) futex_wait(asked, seen);
      seen = asked;
      if (deadline == 0ns) return;
      must(sleep_until(deadline), "sleeping");
      if (woken != 0) vectors.check_after_call();
      vectors.check_hold(1);
      ++woken;
    }
  }
  void ask(nanoseconds until) {
    deadline = until;
    ++asked;
    futex_wake(asked, 1);
  }
};

// Asks for a deadline `tick` ticks away, and holds vectors meanwhile. Returns whether the urgent
// thread came between.
bool is_interrupted(Vectors& vectors, Urgent& urgent, long tick, unsigned long& length) {
  const auto before = urgent.woken.load();
  urgent.ask(now() + tick * nanoseconds{user::nanoseconds_per_tick});
  const auto woken = urgent.woken.load();
  const auto begin = clock_ticks();
  vectors.check_hold(20);
  length = clock_ticks() - begin;
  const bool came = urgent.woken != woken;
  while (urgent.woken == before) continue;
  return came;
}

int preempt() {
  Urgent urgent;
  Thread thread{[&] { urgent.run(); }};
  Vectors vectors{1};
  unsigned long length = 0, ticks = 0;
  long places = 0;
  for (long tick = 0, missed = 0; missed < 100; ++tick) {
    const bool came = is_interrupted(vectors, urgent, tick, ticks);
    // The shortest run, because a timer tick may have made another one longer.
    if (!came) length = length == 0 ? ticks : std::min(length, ticks);
    places += came;
    missed = came || places < 100 ? 0 : missed + 1;
  }
  urgent.ask(0ns);
  println("places\t{}\nlength\t{}", places, length);
  const auto expected = static_cast<long>(length) * 9 / 10;  // timer ticks may come in between
  check(places > expected, "the urgent thread comes at {} ticks of {}", places, length);
  return 0;
}

// ── The beginning and the end of threads and programs ──

int fresh() {
  Vectors{1}.check_zeros("a program");
  return 0;
}

int first() {
  Vectors vectors{3};
  vectors.check_zeros("a program");
  vectors.check_hold(1);
  Thread{[] { Vectors{1}.check_zeros("a thread"); }}.join();
  vectors.check_hold(1);
  check_end(run_self("fresh"));
  for (const bool executes : {false, true}) {
    vectors.check_hold(1);
    const Pid child = must(fork(), "fork");
    if (child != 0) {
      check_end(child);
      vectors.check_after_call();
      continue;
    }
    if (!executes) {
      Vectors{1}.check_zeros("a child");
      exit(0);
    }
    const std::string path{program_path()};
    const char* const arguments[] = {"vectors", "fresh", nullptr};
    const char* const none[] = {nullptr};
    vectors.check_hold(1);
    must(call(Call::execve, path.c_str(), arguments, none), "execve");
  }
  println("threads and programs begin with zeros");
  return 0;
}

// The kernel clears a page, or copies it, while a program's vector registers are live.
int faults() {
  constexpr std::size_t pair = 2 * page_size, pairs = 20, before_end = 64;
  const auto map = [] {
    return must(map_memory(pairs * pair, abi::prot_read | abi::prot_write), "memory");
  };
  Vectors vectors{9};
  const auto store_into = [&](std::byte* pages) {
    for (std::size_t i = 0; i < pairs; ++i)
      vectors.check_hold(1, pages + i * pair + page_size - before_end);
  };
  store_into(map());
  std::byte* const copied = map();
  store_into(copied);
  const Pid child = must(fork(), "fork");
  store_into(copied);
  if (child == 0) exit(0);
  check_end(child);
  println("vector registers stay during page faults");
  return 0;
}

int memory() {
  const long taken = pages_taken(16, [] {
    for (int i = 0; i < 200; ++i) Thread{[] { Vectors{1}.check_zeros("a thread"); }}.join();
    for (int i = 0; i < 10; ++i) check_end(run_self("fresh"));
    for (int i = 0; i < 50; ++i) {
      const Pid child = must(fork(), "fork");
      if (child == 0) {
        Vectors{1}.check_hold(1);
        exit(0);
      }
      check_end(child);
    }
  });
  check(taken <= 16, "threads with vector registers take {} pages", taken);
  return 0;
}

// ── Upcalls ──

async::Task<> be_urgent(std::atomic<int>& woken, const bool& over) {
  Vectors vectors{7};
  while (!over) {
    static_cast<void>(co_await notified(1));
    vectors.check_hold(1);
    ++woken;
  }
}

async::Task<> upcalls() {
  constexpr int enough = 100;
  std::atomic<int> woken = 0;
  std::atomic<bool> ends = false;
  bool over = false;
  Thread sender{[&, self = thread_id()] {
    while (!ends) {
      must(notify(self, 1), "notify");
      must(sleep_for(50us), "sleeping");
    }
  }};
  auto urgent = async::spawn(be_urgent(woken, over), {.priority = 0});
  co_await async::yield();
  preemptible([&] {
    Vectors vectors{8};
    while (woken < enough) vectors.check_hold(5'000);
  });
  over = true;
  co_await std::move(urgent);
  ends = true;
  sender.join();
  check(upcall_counts().preemptions > 0, "notifications preempt the step");
  println("a preempted coroutine keeps its vector registers");
}

// ── Handlers of signals ──

std::atomic<int> handled = 0;

// A handler that changes all vector registers.
void handle(int) {
  Vectors vectors{seed_of(static_cast<std::uint64_t>(handled.load()))};
  vectors.check_hold(1);
  ++handled;
}

int handlers() {
  constexpr int enough = 50;
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(&handle)};
  must(call(Call::rt_sigaction, abi::Signal::sigusr1, &action, nullptr, sizeof(abi::SignalSet)),
       "setting a handler");
  const int receiver = thread_id();
  const int process = must(call<int>(Call::getpid), "getpid");
  Thread sender{[=] {
    while (handled < enough) {
      must(sleep_for(200us), "sleeping");
      must(call(Call::tgkill, process, receiver, abi::Signal::sigusr1), "tgkill");
    }
  }};
  Vectors vectors{seed_of(1)};
  while (handled < enough) vectors.check_hold(5'000);
  sender.join();
  println("a handler leaves the vector registers as they were");
  return 0;
}

int illegal() {
  asm volatile("csrr t0, 0xc22" ::: "t0");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view part = argc > 1 ? argv[1] : "";
  if (part == "share") return share(argc > 2 ? argv[2] : "100");
  if (part == "hold" && argc > 2) {
    int rounds = 0;
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), rounds);
    return hold(rounds);
  }
  if (part == "preempt") return preempt();
  if (part == "fresh") return fresh();
  if (part == "first") return first();
  if (part == "faults") return faults();
  if (part == "memory") return memory();
  if (part == "upcalls") return run(upcalls()), 0;
  if (part == "handlers") return handlers();
  if (part == "illegal") return illegal();
  fail("usage: vectors PART");
}
