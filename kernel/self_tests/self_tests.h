// What programs can have the kernel do to itself (abi/self_test.h), for tests and measurements.
// Each is a coroutine that the calling thread awaits; what it starts has ended when it returns (but
// for set_bell's handler), and ends soon when that thread is killed. One at a time in the machine.
#pragma once

#include <abi/self_test.h>
#include <async/async.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>

#include "self_tests/counter.h"

namespace kernel::self_tests {

/// What a self-test has to report, as many words as it has.
using Words = std::array<std::uint64_t, 8>;

/// spin.cpp: coroutines that compute without an await.
async::Task<Result<Words>> spin(std::uint64_t milliseconds);
async::Task<Result<Words>> spin_two(std::uint64_t milliseconds);
async::Task<Result<Words>> inject(std::uint64_t deadlines);
async::Task<Result<Words>> nest(std::uint64_t coroutines);
async::Task<Result<Words>> stall(std::uint64_t milliseconds);

/// rings.cpp: interrupts when they are wanted. ENXIO on a machine without a bell.
async::Task<Result<Words>> bell_in_step(std::uint64_t times, bool preempting);
async::Task<Result<Words>> bell_at_yield_point(std::uint64_t times);

/// bell.cpp: a handler that stays until the bell rings once; who needs the bell rings for it. To
/// ring where none waits is ENXIO.
async::Task<Result<Words>> set_bell(bool urgent);
Result<> ring_bell();

/// storm.cpp: a line that is raised for ever. ENXIO, too.
async::Task<Result<Words>> storm(std::uint64_t milliseconds);

/// roam.cpp: coroutines that computing takes from hart to hart.
async::Task<Result<Words>> roam(std::uint64_t milliseconds);

/// yields.cpp
async::Task<Result<Words>> yield(std::uint64_t coroutines, Counter counter);

/// coroutines.cpp: what they cost, by the piece.
async::Task<Result<Words>> channel(std::uint64_t times, Counter counter);
async::Task<Result<Words>> spawn(std::uint64_t times, Counter counter);
async::Task<Result<Words>> wait(std::uint64_t coroutines);

/// stacks.cpp: what coroutines have no need of.
async::Task<Result<Words>> switch_stack(std::uint64_t times, Counter counter);

/// deadlock.cpp: mistakes that are to be seen in the log.
async::Task<Result<Words>> deadlock();
async::Task<Result<Words>> deadlock_by_join();

/// mistakes.cpp: others, with coroutines, for who watches jobs.
async::Task<Result<Words>> double_enqueue();
async::Task<Result<Words>> lost_wake(std::uint64_t milliseconds);
async::Task<Result<Words>> starvation(std::uint64_t milliseconds);

/// remote.cpp. ENXIO on a machine of one hart.
async::Task<Result<Words>> wake_remote();
async::Task<Result<Words>> wake_preempted(std::uint64_t times);

}  // namespace kernel::self_tests
