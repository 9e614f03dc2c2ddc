// The row `jobs` of `scale` (scale.cpp): one program runs jobs on several harts.
//
//   scale-jobs --worker jobs 0 HARTS   reads windows, and answers with the jobs done in each
//
// The first loop has all the work at first: trees of jobs, one after the other. The other loops
// take parts of a tree when they have nothing to do.
#include <user/async.h>

#include <array>
#include <atomic>
#include <charconv>
#include <span>
#include <string_view>
#include <vector>

#include "scale_window.h"

namespace bench {
namespace {

using async::Task;

constexpr unsigned height = 12;          // of a tree: 4,096 leaves
constexpr int rounds_of_a_leaf = 1'000;  // of a loop of two instructions

// Jobs that each loop has done, on cache lines of their own.
struct alignas(64) Count {
  std::uint64_t done = 0;
};
std::array<Count, 64> counts;

Count& count_of_this_loop() {
  return counts[async::platform::hart()];
}

Task<> compute_tree(unsigned levels) {
  if (levels == 0) {
    for (int i = 0; i < rounds_of_a_leaf; ++i) asm volatile("");
    ++count_of_this_loop().done;
    co_return;
  }
  auto left = async::spawn(compute_tree(levels - 1), {.name = "tree"});
  co_await compute_tree(levels - 1);
  co_await std::move(left);
}

Task<> compute_trees(const Window& window) {
  while (clock_ns() < window.end) co_await compute_tree(height);
}

/// Runs on each loop. Returns how many jobs the loop has done in the window.
Task<std::uint64_t> count_jobs(const Window& window) {
  while (clock_ns() < window.begin) continue;
  mark_begin();
  const std::uint64_t before = count_of_this_loop().done;
  const std::uint64_t now = clock_ns();
  if (now < window.end) co_await async::sleep_for(user::nanoseconds{window.end - now});
  const std::uint64_t done = count_of_this_loop().done - before;
  mark_end();
  co_return done;
}

Task<> pin(unsigned hart) {
  run_on(hart);
  co_return;
}

Task<> work(unsigned harts) {
  const auto on = [](unsigned hart) {
    return async::SpawnOptions{.name = "window", .priority = 0, .harts = 1ul << hart};
  };
  for (unsigned hart = 0; hart < harts; ++hart) co_await async::spawn(pin(hart), on(hart));
  Window window;
  const auto bytes = std::as_writable_bytes(std::span{&window, 1});
  while (co_await user::sys::read(user::standard_input, bytes) == sizeof window) {
    std::vector<async::JoinHandle<std::uint64_t>> loops;
    for (unsigned hart = 0; hart < harts; ++hart)
      loops.push_back(async::spawn(count_jobs(window), on(hart)));
    co_await compute_trees(window);
    std::uint64_t done = 0;
    for (auto& loop : loops) done += co_await std::move(loop);
    user::syscall(user::Call::write, user::standard_output, &done, sizeof done);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  unsigned harts = 0;
  if (argc == 5) {
    const std::string_view word = argv[4];
    std::from_chars(word.begin(), word.end(), harts);
  }
  if (harts == 0) user::fail("usage: scale-jobs --worker jobs 0 HARTS");
  user::must(user::set_realtime_priority(0, 0), "the priority of a worker");
  user::run(bench::work(harts), {.harts = harts});
}
