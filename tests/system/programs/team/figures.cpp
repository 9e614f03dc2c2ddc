// What spawns, joins and wakes cost on one loop and between two. Counted, a nanosecond is an
// instruction, of whichever hart.
#include <user/print.h>

#include <vector>

#include "team.h"

namespace team {
namespace {

Task<> end_at_once() {
  co_return;
}

Task<double> spawn_and_join() {
  constexpr int times = 10'000;
  const auto begin = now();
  for (int i = 0; i < times; ++i) co_await async::spawn(end_at_once());
  co_return static_cast<double>((now() - begin).count()) / times;
}

struct Tree {
  double per_job = 0;
  std::uint64_t moves = 0;
};

Task<Tree> grow_tree() {
  constexpr unsigned height = 20;
  Tally tally;
  const auto begin = now();
  const auto moves = migrations();
  check(co_await fib(height, tally) == fib_of(height), "the tree's sum");
  const auto time = static_cast<double>((now() - begin).count());
  const auto jobs = static_cast<double>(fib_of(height + 1) - 1);  // each call for 2 or more spawns
  co_return Tree{time / jobs, migrations() - moves};
}

Task<> echo(async::Channel<int, 1>& asked, async::Channel<int, 1>& answers) {
  while (const auto value = co_await asked.receive()) (void)co_await answers.send(*value);
}

// Two jobs on two loops, each of which waits for the other one.
Task<double> wake_each_other(unsigned loop) {
  constexpr int times = 1'000;
  async::Channel<int, 1> asked, answers;
  auto other = async::spawn(echo(asked, answers), {.harts = 1ul << loop});
  const auto begin = now();
  for (int i = 0; i < times; ++i) {
    (void)co_await asked.send(i);
    (void)co_await answers.receive();
  }
  const auto time = static_cast<double>((now() - begin).count()) / times;
  asked.close();
  co_await std::move(other);
  co_return time;
}

Task<std::uint64_t> compute_piece(Tally& tally) {
  tally.count();
  std::uint64_t value = 1;
  for (int i = 0; i < 20'000; ++i) value = value * 6364136223846793005 + 1;
  co_return value;
}

struct Work {
  double ms = 0;
  std::uint64_t most = 0;  // pieces of one loop
};

Task<Work> compute_all() {
  Tally tally;
  const auto begin = now();
  std::vector<async::JoinHandle<std::uint64_t>> pieces;
  for (int i = 0; i < 2'000; ++i) pieces.push_back(async::spawn(compute_piece(tally)));
  std::uint64_t sum = 0;
  for (auto& piece : pieces) sum += co_await std::move(piece);
  asm volatile("" ::"r"(sum));
  std::uint64_t most = 0;
  for (auto& done : tally.each) most = std::max(most, done.load());
  co_return Work{static_cast<double>((now() - begin).count()) / 1e6, most};
}

template <class T>
T on(unsigned harts, Task<T> task) {
  return run(std::move(task), {.harts = harts});
}

}  // namespace

void figures() {
  print("spawn and join: {:.1f} on 1 loop, {:.1f} on {}\n", on(1, spawn_and_join()),
        on(loops, spawn_and_join()), loops);
  const Tree alone = on(1, grow_tree()), together = on(loops, grow_tree());
  print("a job of a tree: {:.1f} on 1 loop, {:.1f} on {}, which moved {} jobs\n", alone.per_job,
        together.per_job, loops, together.moves);
  const double spinning = on(2, wake_each_other(1));
  const double sleeping = run(wake_each_other(1), {.harts = 2, .spin = user::nanoseconds{0}});
  print("a question and its answer: {:.0f} on 1 loop, {:.0f} between 2, {:.0f} if they sleep\n",
        on(1, wake_each_other(0)), spinning, sleeping);
  const Work one = on(1, compute_all()), several = on(loops, compute_all());
  print("2,000 pieces of work: {:.2f} ms on 1 loop, {:.2f} ms on {}, of which one does {}\n",
        one.ms, several.ms, loops, several.most);
}

}  // namespace team
