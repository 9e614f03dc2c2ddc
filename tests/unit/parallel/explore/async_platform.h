// The world in which async/ is explored: harts are the explorer's threads, which may be left before
// every atomic operation, IPI, look for interrupts and idle wait. Time stands still but where
// the clock, a thread of its own, moves it to the next alarm.
//
// Interrupts are let in where the kernel lets them in: in the steps of preemptible jobs. They
// arrive before any of these operations and may preempt the step, as docs/preemption.md has it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <source_location>
#include <utility>
#include <vector>

#include "../explorer.h"
#include "async/local.h"

namespace async::platform {

inline constexpr unsigned max_harts = 4;
inline constexpr bool parallel = true;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = false;
inline constexpr bool checked = true;
inline constexpr bool checks_policies = false;

using parallel_test::Atomic;
using parallel_test::explorer;

/// One run's. The scenario looks at it, and adds devices.
struct World {
  struct Hart {
    Local local;
    bool ipi_sent = false;             // an IPI is pending
    std::function<void()> interrupt;   // … one of a device: what its handler does
    std::uint64_t alarm = UINT64_MAX;  // … one of the timer, from then on
    bool masked = true;                // no interrupt is taken
    bool in_strand_step = false;
    Job* running = nullptr;  // whose step is between its beginning and a wait
    unsigned ipis = 0;
  };
  std::array<Hart, max_harts> harts{};
  std::uint64_t now = 0;
  bool has_interrupts = false;  // of devices or the timer
  std::size_t chunks = 0;       // given out of `memory`
};
inline World world;
inline std::vector<void*> memory;  // of all runs; each takes it from the beginning

inline unsigned hart() noexcept {
  return explorer.hart();
}
inline World::Hart& this_hart() noexcept {
  return world.harts[hart()];
}
inline Local& local() noexcept {
  return this_hart().local;
}
inline Job* job() noexcept {
  return local().job;
}
/// Before something that has to do with any other thread.
inline void point(const char* what,
                  std::source_location where = std::source_location::current()) noexcept {
  explorer.point(what, nullptr, parallel_test::Explorer::Access::write, where);
}
inline std::uint64_t now_ns() noexcept {
  explorer.point("now", &world.now, parallel_test::Explorer::Access::load,
                 std::source_location::current());
  return world.now;
}
inline void set_alarm(std::uint64_t ns) noexcept {
  this_hart().alarm = ns;
}
inline void send_ipi(unsigned hart) noexcept {
  point("send_ipi");
  world.harts[hart].ipi_sent = true;
  ++world.harts[hart].ipis;
}
inline void strand_begins() noexcept {}
inline void strand_ends() noexcept {}
inline void relax() noexcept {
  explorer.relax(std::source_location::current());
}
[[noreturn]] inline void fail(const char* message) noexcept {
  explorer.fail(message);
  std::abort();
}

bool take_interrupts() noexcept;  // true: there was one

class [[nodiscard]] InterruptGuard {
 public:
  InterruptGuard() noexcept : before_(std::exchange(this_hart().masked, true)) {}
  ~InterruptGuard() { this_hart().masked = before_; }
  InterruptGuard(const InterruptGuard&) = delete;

 private:
  bool before_;
};

inline void begin_running() noexcept {
  Job* const job = local().job;
  for (const World::Hart& other : world.harts) {
    if (other.running == job) fail("two harts run one job at once");
  }
  this_hart().running = job;
}
/// Also when a step comes back to the strand that it has left.
inline void enter_strand_step() noexcept {
  for (const World::Hart& other : world.harts) {
    if (other.in_strand_step) fail("two steps of the strand at once");
  }
  this_hart().in_strand_step = true;
}
inline void leave_strand_step() noexcept {
  this_hart().in_strand_step = false;
}
inline void begin_step(StepKind kind) noexcept {
  if (kind == StepKind::strand) enter_strand_step();
  begin_running();
  if (kind == StepKind::preemptible) this_hart().masked = false;
}
inline void end_step() noexcept {
  if (!this_hart().masked) fail("a step ends with interrupts let in");
  leave_strand_step();
  this_hart().running = nullptr;
}
inline void yield_point() noexcept {
  if (!world.has_interrupts) return;
  point("yield_point");
  take_interrupts();
}
inline void begin_wait() noexcept {
  this_hart().masked = true;
  this_hart().running = nullptr;
}
inline void cancel_wait() noexcept {
  begin_running();
  this_hart().masked = false;
}

inline void* chunk(std::size_t bytes) noexcept {
  constexpr std::size_t chunk_bytes = 4096;
  if (bytes != chunk_bytes) fail("a frame that large is not for here");
  if (world.chunks == memory.size()) memory.push_back(std::aligned_alloc(4096, chunk_bytes));
  return memory[world.chunks++];
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

}  // namespace async::platform
