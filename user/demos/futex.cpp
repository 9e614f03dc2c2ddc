// A mutex and a condition variable built on futexes (runtime/sync.cpp): the counters add up, and a
// small queue passes each item to exactly one consumer.
#include <user/check.h>
#include <user/demo.h>
#include <user/sync.h>
#include <user/thread.h>

#include <vector>

COTRAP_DEMO(.description = "a mutex and a condition variable over futex lose no count and no item");

using namespace user;

namespace {

void count_together() {
  constexpr long threads = 4, each = 20'000;
  Mutex mutex;
  long counter = 0;
  {
    std::vector<Thread> counters;
    for (int i = 0; i < threads; ++i) {
      counters.emplace_back([&] {
        for (long n = 0; n < each; ++n) {
          const Lock lock{mutex};
          const long seen = counter;
          if (n % 512 == 0) yield();  // lets another thread run between the read and the write
          counter = seen + 1;
        }
      });
    }
  }
  println("{} threads counted to {} under a mutex", threads, counter);
  check(counter == threads * each, "no count is lost: expected {}", threads * each);
}

void produce_and_consume() {
  constexpr long items = 10'000, consumers = 3, capacity = 16;
  Mutex mutex;
  Condition not_empty, not_full;
  std::vector<long> queue;
  bool done = false;
  std::vector<long> sums(consumers);
  {
    std::vector<Thread> threads;
    for (long& sum : sums) {
      threads.emplace_back([&] {
        for (;;) {
          const Lock lock{mutex};
          not_empty.wait(mutex, [&] { return done || !queue.empty(); });
          if (queue.empty()) return;
          sum += queue.back();
          queue.pop_back();
          not_full.notify_one();
        }
      });
    }
    for (long item = 1; item <= items; ++item) {
      const Lock lock{mutex};
      not_full.wait(mutex, [&] { return queue.size() < capacity; });
      queue.push_back(item);
      not_empty.notify_one();
    }
    const Lock lock{mutex};
    done = true;
    not_empty.notify_all();
  }
  long sum = 0;
  for (const long part : sums) sum += part;
  println("{} items went through a queue of {} to {} consumers", items, capacity, consumers);
  check(sum == items * (items + 1) / 2, "each item arrives once: their sum is {}", sum);
}

}  // namespace

int main() {
  count_together();
  produce_and_consume();
  return 0;
}
