// The kernel memory of a blocked thread.
#include <user/calls.h>

#include <algorithm>

#include "benchmark.h"
#include "crowd.h"

namespace bench {
namespace {

Outcome blocked_thread() {
  constexpr int threads = 1'000;
  const Crowd crowd{threads};
  const auto before = crowd.free_memory_before();
  const auto after = user::free_memory();
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
