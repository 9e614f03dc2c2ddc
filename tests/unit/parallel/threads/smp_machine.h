// A machine on which several harts run, for tests of code that shares the strand. The harts are
// threads of the test.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "../../memory/spaces.h"
#include "async/async.h"
#include "memory/frames.h"
#include "memory/heap.h"

namespace test {

using async::Strand;
using kernel::memory::frames;
namespace platform = async::platform;

/// The thread becomes a hart.
inline void begin_hart(unsigned number) {
  platform::this_hart = number;
  hal::fake::here = number;
  platform::local().smp_active = true;
  const Strand::Guard strand;
  Strand::let_share();
}

/// A machine on which several harts run. The test is hart 0.
class SmpMachine {
 public:
  explicit SmpMachine(std::size_t ram_bytes = 16 << 20) : machine_{std::in_place, ram_bytes} {
    begin_hart(0);
    const Strand::Guard strand;
    frames.begin_smp();
    free_ = frames.free_count();
  }
  ~SmpMachine() {
    {
      const Strand::Guard strand;
      kernel::memory::heap::trim();
      frames.empty_caches();
      CHECK(frames.free_count() == free_);
    }
    hal::fake::here = 0;
    for (auto& hart : platform::harts) hart.local.smp_active = false;
    Strand::reset();
    machine_.reset();
    platform::this_hart = platform::outside;
  }

 private:
  std::optional<Machine> machine_;
  std::size_t free_ = 0;
};

/// Calls work(n) on each of the harts 1 … `count` at the same time. Returns when all have ended.
template <class Work>
void on_harts(unsigned count, Work work) {
  std::vector<std::jthread> threads;
  for (unsigned number = 1; number <= count; ++number) {
    threads.emplace_back([&work, number] {
      begin_hart(number);
      work(number);
    });
  }
}

}  // namespace test
