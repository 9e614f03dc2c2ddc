// What async/ asks of the world it runs in. Each world (kernel, user program, host) puts a header
// <async_platform.h> on the include path that defines, in namespace async::platform:
//
//   constexpr unsigned max_harts         harts are numbered 0 … max_harts − 1
//   constexpr bool parallel              harts run at the same time; at most eight then
//   constexpr bool tracing               false: trace points cost nothing; true: one branch each
//   unsigned hart()                      the hart this code runs on
//   Local& local()                       that hart's async::Local (zero-initialised, never moves).
//                                        Of use while interrupts are masked, because a preemptible
//                                        job may go to another hart in mid-step. Neither this nor
//                                        hart() is ever a value that the compiler remembers.
//   Job* job()                           local().job, in one piece: wherever the job goes to
//   uint64_t now_ns()                    nanoseconds since boot, never goes back
//   void set_alarm(uint64_t ns)          one alarm for this hart: when `now_ns() >= ns`, its
//                                        interrupt calls Executor::alarm_fired(). Replaces the one
//                                        before. A time that has passed fires at once. Early is
//                                        harmless.
//   class InterruptGuard                 no interrupt handler runs on this hart in its scope
//   void begin_step(StepKind)            a step begins; interrupts are masked, and may be let in
//                                        if it is a preemptible one's
//   void end_step()                      … has ended, with interrupts masked (by begin_wait())
//   void yield_point()                   between two steps: takes the interrupts that are pending
//   void begin_wait()                    the running job may wait: no interrupt handler runs
//                                        here until its step has ended
//   void cancel_wait()                   … it need not, and its step is a preemptible one
//   void strand_begins()                 in company: this hart has the strand from here on
//   void strand_ends()                   … to here; what it has done in it is whole
//   void send_ipi(unsigned hart)             make another hart leave its idle wait (an IPI)
//   void relax()                         between two looks of a spinning hart
//   int spin_limit                         looks of a hart that would let others go first
//   template Atomic<T>                   std::atomic<T>, or what behaves like it
//   void* chunk(size_t bytes)            `bytes` (a multiple of 4096), 4096-aligned, kept for ever;
//                                        never null: a world that has no memory left must stop
//   void poison(void*, size_t)           this memory is free: a checker may trap on its use
//   void unpoison(void*, size_t)         … and is in use again
//   constexpr bool checked               costly mistakes of users are looked for (debug builds)
//   constexpr bool checks_policies       … of those who write policies (policy/checked.h)
//   [[noreturn]] void fail(const char*)  an invariant of the runtime is broken
//
// All are called on the hart they concern, in task context, except hart(), local() and send_ipi(),
// which are called from interrupt handlers too. The header may include "async/local.h" and, where
// there are no interrupts, "async/uninterrupted.h", and nothing else of async/.
#pragma once

#include <async_platform.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "async/local.h"
#include "async/time.h"

namespace async {

template <unsigned max_harts, bool>
concept PlatformIsComplete = requires(void* memory, std::size_t bytes, std::uint64_t ns) {
  requires max_harts >= 1 && max_harts <= (platform::parallel ? 8 : 255);
  requires sizeof(platform::Atomic<std::uint32_t>) == sizeof(std::uint32_t);
  { platform::hart() } noexcept -> std::same_as<unsigned>;
  { platform::local() } noexcept -> std::same_as<Local&>;
  { platform::job() } noexcept -> std::same_as<Job*>;
  { platform::now_ns() } noexcept -> std::same_as<std::uint64_t>;
  { platform::set_alarm(ns) } noexcept;
  { platform::send_ipi(0u) } noexcept;
  { platform::relax() } noexcept;
  { platform::chunk(bytes) } noexcept -> std::same_as<void*>;
  { platform::poison(memory, bytes) } noexcept;
  { platform::unpoison(memory, bytes) } noexcept;
  { platform::fail("") } noexcept;
  { platform::begin_step(StepKind::strand) } noexcept;
  { platform::end_step() } noexcept;
  { platform::yield_point() } noexcept;
  { platform::begin_wait() } noexcept;
  { platform::cancel_wait() } noexcept;
  platform::InterruptGuard{};
};
static_assert(PlatformIsComplete<platform::max_harts, platform::tracing>);

inline Instant Clock::now() noexcept {
  return Instant{Duration{static_cast<Duration::rep>(platform::now_ns())}};
}

/// Any context.
inline Instant now() noexcept {
  return Clock::now();
}

}  // namespace async
