// Threads that sleep side by side: each sleeps as long as its number, so they finish in order, and
// all together in the time of the longest.
#include <user/check.h>
#include <user/clock.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace user;

int main() {
  constexpr std::array numbers{7, 2, 9, 4, 1, 8, 3, 6, 10, 5};
  constexpr auto unit = 30ms;
  constexpr int longest = *std::ranges::max_element(numbers);

  Mutex mutex;
  std::vector<int> finished;
  const auto begin = now();
  {
    std::vector<Thread> sleepers;
    for (const int number : numbers) {
      sleepers.emplace_back([&, number] {
        must(sleep_until(begin + number * unit), "sleeping");
        const Lock lock{mutex};
        finished.push_back(number);
      });
    }
  }
  const auto taken = now() - begin;

  for (const int number : finished) print("{} ", number);
  println("in {:.1f} ms (the longest sleep is {:.1f} ms)", milliseconds(taken),
          milliseconds(longest * unit));
  check(finished.size() == numbers.size(), "all threads finish");
  check(std::ranges::is_sorted(finished), "the shortest sleeper finishes first");
  check(taken >= longest * unit, "nobody wakes too early");
  check(taken < 2 * longest * unit, "they sleep at the same time, not one after the other");
  return 0;
}
