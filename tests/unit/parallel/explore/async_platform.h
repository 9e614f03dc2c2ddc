// The platform for exploring async/: harts are the explorer's threads. The explorer may switch
// before every atomic operation, IPI, check for interrupts, and idle wait. Time stands still,
// except that the clock, a thread of its own, moves it to the next alarm.
//
// Interrupts are enabled where the kernel enables them: in the steps of preemptible jobs. They may
// arrive before any of these operations and preempt the step (docs/preemption.md).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <source_location>
#include <utility>

#include "../atomic.h"
#include "async/local.h"

namespace async {
class Executor;
}

/// Executor::is_running() loads a pointer to the executor, and then reads the job that runs there.
template <>
inline void parallel_test::before_load<async::Executor*>() {
  explorer.touch_watched();
}

namespace async::platform {

inline constexpr unsigned max_harts = 4;
inline constexpr bool parallel = true;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = false;
inline constexpr bool checked = true;
inline constexpr bool checks_policies = false;

using parallel_test::Atomic;
using parallel_test::explorer;
using Access = parallel_test::Explorer::Access;

inline void atomic_thread_fence(
    std::memory_order order,
    std::source_location where = std::source_location::current()) noexcept {
  explorer.fence(order, where);
}

/// The state of one run. Scenarios may read it.
struct World {
  struct Hart {
    Local local;
    bool ipi_sent = false;             // an IPI is pending
    std::function<void()> interrupt;   // the handler of a pending device interrupt; empty: none
    std::uint64_t alarm = UINT64_MAX;  // the time from which a timer interrupt is pending
    bool masked = true;                // interrupts are masked
    bool in_strand_step = false;
    bool shares = false;
    Job* running = nullptr;      // the job whose step runs
    const Job* keeps = nullptr;  // the job that has yielded here and whose state the hart keeps
    unsigned ipis = 0;
  };
  std::array<Hart, max_harts> harts{};
  std::uint64_t now = 0;
  bool has_interrupts = false;  // the run has device or timer interrupts
  std::size_t chunks = 0;       // number of chunks in use
};
inline World world;
/// The memory of a run. It is one object, so that is_checked() (scenario.h) compares one range.
struct Memory {
  std::array<std::array<std::byte, 4096>, 64> chunks;  // each run uses them from the beginning
  alignas(64) std::array<std::byte, 24 * 1024> executors;
  alignas(64) std::array<std::byte, 16 * 1024> states;  // of scenarios
};
alignas(4096) inline Memory memory;

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
/// Lets the explorer switch threads before an operation on state that all threads read and write
/// (Explorer::point()).
inline void point(const char* what,
                  std::source_location where = std::source_location::current()) noexcept {
  explorer.point(what, nullptr, Access::write, where);
}
/// The same before an operation that calls Explorer::touch() for what it uses.
inline void reported_point(const char* what,
                           std::source_location where = std::source_location::current()) noexcept {
  explorer.point(what, nullptr, Access::none, where);
}
inline std::uint64_t now_ns() noexcept {
  explorer.point("now", &world.now, Access::load, std::source_location::current());
  return world.now;
}
inline void set_alarm(std::uint64_t ns) noexcept {
  explorer.touch(&world.now, Access::write);  // the clock looks at all alarms
  this_hart().alarm = ns;
}
inline void send_ipi(unsigned hart) noexcept {
  reported_point("send_ipi");
  explorer.send(&world.harts[hart]);  // a handler sees what the sender has done
  world.harts[hart].ipi_sent = true;
  ++world.harts[hart].ipis;
}
/// The hart takes a pending IPI, or there is none.
inline void take_ipi() noexcept {
  explorer.receive(&this_hart());
  explorer.touch(&this_hart(), Access::write);
  this_hart().ipi_sent = false;
}
inline void leaves_hart(const Job& job) noexcept {
  explorer.touch(&job, Access::write);
  if (this_hart().keeps == &job) this_hart().keeps = nullptr;
}
inline void waited_for_strand() noexcept {}
inline void strand_ends() noexcept {}
inline void relax() noexcept {
  explorer.relax(std::source_location::current());
}
[[noreturn]] inline void fail(const char* message) noexcept {
  explorer.fail(message);
  std::abort();
}

bool take_interrupts() noexcept;  // returns true if there was one

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
  explorer.touch(job, Access::write);
  for (const World::Hart& other : world.harts) {
    if (other.running == job) fail("two harts run one job at once");
    if (other.keeps == job && &other != &this_hart()) fail("another hart keeps the job's state");
  }
  if (this_hart().keeps == job) this_hart().keeps = nullptr;
  this_hart().running = job;
}
inline void stop_running() noexcept {
  explorer.touch(this_hart().running, Access::write);
  this_hart().running = nullptr;
}
inline const void* const strand_steps = &world.harts[0].in_strand_step;  // for Explorer::touch()
/// Called at the start of a strand step, and when a step re-enters the strand.
inline void enter_strand_step() noexcept {
  explorer.touch(strand_steps, Access::write);
  for (const World::Hart& other : world.harts) {
    if (other.in_strand_step) fail("two steps run in the strand at once");
    if (other.shares) fail("a step runs in the strand while a hart shares it");
  }
  this_hart().in_strand_step = true;
}
/// Called when the hart has begun to share the strand, and before it stops.
inline void begin_sharing() noexcept {
  explorer.touch(strand_steps, Access::load);
  for (const World::Hart& other : world.harts) {
    if (other.in_strand_step) fail("a hart shares the strand while a step runs in it");
  }
  this_hart().shares = true;
}
inline void end_sharing() noexcept {
  if (this_hart().shares) explorer.touch(strand_steps, Access::load);
  this_hart().shares = false;
}
inline void leave_strand_step() noexcept {
  if (this_hart().in_strand_step) explorer.touch(strand_steps, Access::write);
  this_hart().in_strand_step = false;
}
inline void begin_step(StepKind kind) noexcept {
  if (kind == StepKind::strand) enter_strand_step();
  if (kind == StepKind::sharing) begin_sharing();
  begin_running();
  if (kind == StepKind::preemptible) this_hart().masked = false;
}
inline void end_step() noexcept {
  if (!this_hart().masked) fail("a step ends with interrupts enabled");
  leave_strand_step();
  end_sharing();
  stop_running();
}
inline void yield_point() noexcept {
  if (!world.has_interrupts) return;
  reported_point("yield_point");
  take_interrupts();
}
inline void begin_wait() noexcept {
  this_hart().masked = true;
  stop_running();
}
inline void cancel_wait() noexcept {
  begin_running();
  this_hart().masked = false;
}

inline void* chunk(std::size_t bytes) noexcept {
  if (bytes != sizeof memory.chunks[0]) fail("the chunk has an unexpected size");
  if (world.chunks == memory.chunks.size()) fail("there is no chunk left");
  return &memory.chunks[world.chunks++];
}
// Harts pass no free blocks on.
inline std::size_t batch_length(std::size_t) noexcept {
  return ~std::size_t{0};
}
inline void put_batch(std::size_t, void*) noexcept {}
inline void* take_batch(std::size_t) noexcept {
  return nullptr;
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

}  // namespace async::platform
