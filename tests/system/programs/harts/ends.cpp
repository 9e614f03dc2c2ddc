// Programs and the machine end while threads compute on every hart.
#include "harts.h"

namespace harts {
namespace {

/// Fills all harts with threads that compute, and says when they do.
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

/// One of many threads turns into another program, or ends all: the others go, wherever they are.
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

/// The first process ends, and with it the machine, while every hart computes.
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

constexpr Part parts[] = {
    {"ends", end_the_others},
    {"leaves", leaves},
};

}  // namespace

std::span<const Part> ends() {
  return parts;
}

}  // namespace harts
