// Programs and the machine end while threads compute on every hart.
#include "harts.h"

namespace harts {
namespace {

/// Starts a computing thread on each hart, and returns when all of them run.
void fill_harts(std::vector<Thread>& threads, std::atomic<unsigned long>& work) {
  std::atomic<unsigned> begun = 0;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      for (++begun;;) work.fetch_add(1, std::memory_order_relaxed);
    });
  }
  await("to begin", [&] { return begun == count; });
}

/// One of many threads calls execve or exit: the other threads end, on whatever hart they run.
void end_the_others() {
  for (int round = 0; round < 12; ++round) {
    const Pid child = must_fork();
    if (child == 0) {
      static std::atomic<unsigned long> work = 0;
      std::vector<Thread> threads;
      fill_harts(threads, work);
      const auto end = [round] {
        move_to(static_cast<unsigned>(round) % count);
        if (round % 3 == 2) exit(0);
        const char* const arguments[] = {"true", nullptr};
        char* const* const environment = user::environment();
        call(Call::execve, "/bin/true", arguments, environment).value();
      };
      if (round % 2 == 0) end();
      Thread last{end};
      last.join();
      exit(1);
    }
    expect_success(child);
  }
}

/// A process whose threads keep creating threads is killed, or calls execve. Threads that are
/// created at the last moment end too.
void end_makers() {
  constexpr int rounds = 24;
  for (int round = 0; round < rounds; ++round) {
    const bool killed = round % 2 == 0;
    const Pid child = must_fork();
    if (child == 0) {
      std::vector<Thread> makers;
      for (unsigned i = 0; i < count; ++i) {
        makers.emplace_back([] {
          std::vector<Thread> made;
          for (int n = 0; n < 400; ++n) made.emplace_back([] { must(sleep_for(1h), "sleeping"); });
        });
      }
      must(sleep_for(std::chrono::microseconds{500 + 100 * (round % 20)}), "sleeping");
      if (!killed) {
        const char* const arguments[] = {"true", nullptr};
        call(Call::execve, "/bin/true", arguments, user::environment()).value();
      }
      for (;;) must(sleep_for(1s), "sleeping");
    }
    if (!killed) {
      expect_success(child);
      continue;
    }
    must(sleep_for(std::chrono::microseconds{2'000 + 100 * (round % 30)}), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.was_killed(), "SIGKILL ends the process");
  }
}

/// The first process ends while every hart computes: the machine powers off.
void leaves() {
  static std::atomic<unsigned long> work = 0;
  if (must_fork() == 0) {
    std::vector<Thread> threads;
    fill_harts(threads, work);
    for (;;) must(sleep_for(1s), "sleeping");
  }
  must(sleep_for(50ms), "sleeping");
  exit(7);
}

}  // namespace

std::span<const Part> ends() {
  static constexpr Part parts[] = {
      {"ends", end_the_others},
      {"makers", end_makers},
      {"leaves", leaves},
  };
  return parts;
}

}  // namespace harts
