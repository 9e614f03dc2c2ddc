// The kernel's self-tests (abi/self_test.h), for tests and benchmarks. Each is a coroutine that the
// calling thread awaits. The jobs that it starts have ended when it returns, except the handler of
// set_bell(). They end soon when the thread is killed. One self-test runs at a time.
#pragma once

#include <abi/self_test.h>
#include <async/async.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>

#include "self_tests/counter.h"

namespace kernel::self_tests {

/// Priorities of the self-tests' jobs: that of a CPU-bound program, one above ordinary threads, and
/// one above all of these.
inline constexpr std::uint8_t computing = 20, above_threads = 8, above = 2;

/// The results of a self-test; unused words are 0.
using Words = std::array<std::uint64_t, 8>;

/// spin.cpp: CPU-bound jobs.
async::Task<Result<Words>> spin(std::uint64_t milliseconds);
async::Task<Result<Words>> spin_two(std::uint64_t milliseconds);
async::Task<Result<Words>> inject(std::uint64_t deadlines);
async::Task<Result<Words>> nest(std::uint64_t coroutines);
async::Task<Result<Words>> stall(std::uint64_t milliseconds);

/// rings.cpp: interrupts at chosen instructions. ENXIO on a machine without a bell.
async::Task<Result<Words>> bell_in_step(std::uint64_t times, bool preempting);
async::Task<Result<Words>> bell_at_yield_point(std::uint64_t times);

/// bell.cpp: set_bell() starts a handler, which ends after ring_bell(false), or when another
/// self-test needs the bell. ring_bell() fails with ENXIO if no handler waits.
async::Task<Result<Words>> set_bell(bool urgent);
Result<> ring_bell(bool handler_stays);
/// Rings the bell for a handler that stays, and takes the interrupt. Returns the instructions of
/// take_interrupts().
Result<std::uint64_t> take_ring();

/// broken_stack.cpp: an interrupt while the stack pointer is broken. The kernel reports that, and
/// stops. ENXIO on a machine without a bell.
async::Task<Result<Words>> interrupt_broken_stack(abi::BrokenStack kind);

/// storm.cpp: an interrupt line that is raised again and again. ENXIO on a machine without a bell.
async::Task<Result<Words>> storm(std::uint64_t milliseconds);

/// roam.cpp: preempted jobs that are resumed on other harts.
async::Task<Result<Words>> roam(std::uint64_t milliseconds);

/// yields.cpp
async::Task<Result<Words>> yield(std::uint64_t coroutines, Counter counter);

/// coroutines.cpp: the cost of coroutines.
async::Task<Result<Words>> channel(std::uint64_t times, Counter counter);
async::Task<Result<Words>> spawn(std::uint64_t times, Counter counter);
async::Task<Result<Words>> wait(std::uint64_t coroutines);

/// stacks.cpp: the cost of a stack switch, which coroutines do not need.
async::Task<Result<Words>> switch_stack(std::uint64_t times, Counter counter);

/// deadlock.cpp: deadlocks that the log must report.
async::Task<Result<Words>> deadlock();
async::Task<Result<Words>> deadlock_by_join();

/// mistakes.cpp: other bugs, which job_watch.h must detect.
async::Task<Result<Words>> double_enqueue();
async::Task<Result<Words>> lost_wake(std::uint64_t milliseconds);
async::Task<Result<Words>> starvation(std::uint64_t milliseconds);

/// remote.cpp. ENXIO on a machine of one hart.
async::Task<Result<Words>> wake_remote();
async::Task<Result<Words>> wake_preempted(std::uint64_t times);

}  // namespace kernel::self_tests
