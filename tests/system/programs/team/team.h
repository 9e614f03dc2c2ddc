// What the parts of the test program `team` share.
#pragma once

#include <async/parallel.h>
#include <user/async.h>
#include <user/check.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

namespace team {

using namespace user;
using async::Task;

/// The number of loops that the test runs with, from the command line.
inline unsigned loops = 0;

inline void on_all(Task<> task) {
  run(std::move(task), {.harts = loops});
}

std::span<std::byte> bytes_of(auto& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

/// How many steps or parts of steps each loop has done.
struct Tally {
  std::array<std::atomic<std::uint64_t>, 64> each{};
  void count() { ++each[async::platform::hart()]; }
  unsigned used() const {
    return static_cast<unsigned>(std::ranges::count_if(each, [](auto& n) { return n != 0; }));
  }
};

/// How many jobs have moved between loops.
inline std::uint64_t migrations() {
  std::uint64_t sum = 0;
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    if (auto* const executor = async::Executor::of(hart)) sum += executor->migrations();
  }
  return sum;
}

/// A tree of jobs.
inline Task<std::uint64_t> fib(unsigned n, Tally& tally) {
  tally.count();
  if (n < 2) co_return n;
  auto left = async::spawn(fib(n - 1, tally), {.name = "fib"});
  const std::uint64_t right = co_await fib(n - 2, tally);
  co_return right + co_await std::move(left);
}
inline std::uint64_t fib_of(unsigned n) {
  std::uint64_t a = 0, b = 1;
  for (; n > 0; --n) b += std::exchange(a, b);
  return a;
}

void meets();
void steals();
void shares();
void cancels();
void stackful();
void calls();
void priorities();
void preempts();
void interrupts();
void gives();
void faults();
void moves();
void stays();
void moves_everywhere();
void moves_functions();
void sleeps();
void deadlocks();
void deadlock();
void refused();
void repeats();
void figures();

}  // namespace team
