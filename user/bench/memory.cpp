// The kernel memory of a blocked thread.
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/sync.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "benchmark.h"
#include "clone.h"

namespace bench {
namespace {

using user::Call;
using user::syscall;

constexpr unsigned long thread_flags = user::clone_thread_flags | abi::clone_child_cleartid;

Outcome blocked_thread() {
  constexpr int threads = 1'000;
  constexpr std::size_t stack_bytes = 1'024;
  static std::atomic<std::uint32_t> gate;
  static std::atomic<int> arrived;
  gate = 0;
  arrived = 0;
  auto* const stacks = user::must(
      user::map_memory(threads * stack_bytes, abi::prot_read | abi::prot_write), "stacks");
  std::memset(stacks, 0, threads * stack_bytes);
  std::vector<std::atomic<std::uint32_t>> alive(threads);
  for (auto& word : alive) word = 1;
  const auto wait_at_gate = [](void*) {
    ++arrived;
    while (gate == 0) user::futex_wait(gate, 0);
    return 0;
  };

  const auto before = user::free_memory();
  for (int i = 0; i < threads; ++i) {
    const long made = cotrap_user_clone(thread_flags, stacks + (i + 1) * stack_bytes, nullptr,
                                        nullptr, &alive[i], wait_at_gate, nullptr);
    if (made < 0) user::fail("thread {}: {}", i, abi::name(static_cast<abi::Errno>(-made)));
  }
  while (arrived < threads) user::yield();
  user::must(user::sleep_for(std::chrono::milliseconds{10}), "sleeping");
  const auto after = user::free_memory();

  gate = 1;
  user::futex_wake(gate, std::numeric_limits<int>::max());
  for (auto& word : alive) {
    while (word != 0) syscall(Call::futex, &word, abi::futex_wait, 1, nullptr, nullptr, 0);
  }
  user::must(user::unmap_memory(stacks, threads * stack_bytes), "munmap");
  return Samples::of({before - std::min(before, after)}, threads);
}

constexpr Benchmark table[] = {
    {"memory.thread", Unit::bytes, blocked_thread},
};

}  // namespace

std::span<const Benchmark> memory() {
  return table;
}

}  // namespace bench
