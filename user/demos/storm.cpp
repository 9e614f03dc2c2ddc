// Blocks a thousand threads at once and measures the kernel memory of each. Their stacks are
// allocated and touched before, so the kernel alone causes the difference in free memory.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/machine/processor.h>
#include <user/sync.h>
#include <user/thread.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <vector>

COTRAP_DEMO(.description = "a thousand threads block at once, in little kernel memory each");

using namespace user;

int main() {
  constexpr int threads = 1'000;
  constexpr std::size_t stack_bytes = page_size;
  constexpr std::size_t limit = machine::bytes_per_thread;  // kernel memory only

  auto* const stacks =
      must(map_memory(threads * stack_bytes, abi::prot_read | abi::prot_write), "stacks");
  std::memset(stacks, 0, threads * stack_bytes);
  std::vector<Thread> storm;
  storm.reserve(threads);
  std::memset(static_cast<void*>(storm.data()), 0, threads * sizeof(Thread));

  std::atomic<std::uint32_t> gate = 0;
  std::atomic<int> arrived = 0;
  std::atomic<int> passed = 0;
  const auto wait_at_gate = [&] {
    ++arrived;
    while (gate == 0) futex_wait(gate, 0);
    ++passed;
  };

  const auto free_before = free_memory();
  const auto begin = now();
  for (int i = 0; i < threads; ++i) {
    const std::span stack{stacks + i * stack_bytes, stack_bytes};
    storm.push_back(must(Thread::start(wait_at_gate, {.memory = stack}), "a thread"));
  }
  while (arrived < threads) must(sleep_for(1ms), "sleeping");
  const auto all_waiting = now();
  must(sleep_for(20ms), "sleeping");
  check(passed == 0, "no thread passes the closed gate");
  const auto taken = static_cast<long>(free_before) - static_cast<long>(free_memory());

  const auto opened = now();
  gate = 1;
  futex_wake(gate, std::numeric_limits<int>::max());
  storm.clear();
  const auto all_ended = now();

  println("{} threads: started and blocked in {:.2f} ms, woken and ended in {:.2f} ms", threads,
          milliseconds(all_waiting - begin), milliseconds(all_ended - opened));
  println("kernel memory per blocked thread: {} bytes", taken / threads);
  check(passed == threads, "every thread passes the open gate");
  if (on_cotrap()) {
    check(taken <= static_cast<long>(threads * limit), "at most {} bytes per thread", limit);
  }
  return 0;
}
