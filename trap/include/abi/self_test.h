// Self-tests: a program lets the kernel test or measure itself.
//
//   self_test(which, argument, words, count) fills up to `count` 64-bit words with the results.
//
// One self-test runs at a time: EBUSY. ENXIO: the machine has no bell or no second hart, or no
// handler waits for ring_bell. A self-test ends soon when its caller is killed, except `stall`.
#pragma once

#include <cstdint>

namespace abi {

enum class SelfTest : std::uint64_t {
  // A preemptible job is CPU-bound for `argument` ms, with a value in every register. A more urgent
  // one wakes every millisecond. Words: SpinReport.
  spin,
  // Two equally urgent jobs are CPU-bound, both until `argument` ms from now. Words: the rounds of
  // the first and of the second; 1 if all registers kept their values.
  spin_two,
  // Rings the clock's bell (hal/bell.h) during a job's step, `argument` times. The bell's handler
  // is more urgent. Words: BellReport.
  bell_preempts,
  // Like bell_preempts, but the handler is equally urgent.
  bell_wakes,
  // Like bell_preempts, but the bell rings between two steps.
  bell_at_yield_point,
  // Starts a coroutine that waits for the bell, above (1) or below (0) every ordinary thread.
  set_bell,
  // Rings the bell. The caller continues at once, and the interrupt comes in its program. Argument
  // 0: once for each set_bell, the handler then ends. Argument 1: as often as the caller likes, the
  // handler stays. While the handler has not served a ring, another one raises no interrupt.
  ring_bell,
  // A CPU-bound job is preempted twice in each of `argument` rounds. In round n the second deadline
  // comes n ticks of the clock after the first. Words: InjectReport.
  inject,
  // `argument` coroutines yield to each other. Words: CostReport, of switches.
  yield,
  // `argument` CPU-bound jobs, each more urgent than the one before, which it preempts. Words: 1 if
  // all registers were kept; the number of preemptions.
  nest,
  // A coroutine of the strand computes for `argument` ms without an await: a stall.
  stall,
  // For `argument` ms the bell rings again after each interrupt, which gives the bell's driver
  // nothing to do. The caller waits for the end. Words: StormReport.
  storm,
  // For `argument` ms jobs compute with a value in every register, and await, on any hart that has
  // time for them. A more urgent job on each hart disturbs them. Words: RoamReport.
  roam,
  // Two coroutines send each other a value through channels, `argument` round trips. Words:
  // CostReport, of round trips.
  channel,
  // Spawns and joins `argument` coroutines, one after the other. Words: CostReport.
  spawn,
  // `argument` coroutines wait for an event. Words: the bytes that they take together; their
  // number.
  wait,
  // Switches between two stacks and back, `argument` times. Words: CostReport, of switches.
  switch_stack,
  // Wakes a coroutine that waits on another, idle hart. Words: the nanoseconds until it runs.
  wake_remote,
  // Two coroutines wait for each other's mutexes until one of them is cancelled.
  deadlock,
  // Three planted bugs, which `watch` on the kernel's command line detects. The first two only
  // record trace events: the wake of a job that is ready already, and the wake of a job that then
  // does not run for `argument` ms. In the third one a ready job does not run for `argument` ms,
  // because a more urgent job runs.
  double_enqueue,
  lost_wake,
  starvation,
  // A coroutine holds a mutex and joins a second coroutine, which waits for that mutex, until the
  // second one is cancelled.
  deadlock_by_join,
  // In each of `argument` rounds a job wakes a job that waits on another hart. A third job preempts
  // the waking job, in each round one tick of the clock later than in the round before. Then it
  // waits, for 9 ms at most, until the woken job has run. Words: PreemptedWakeReport.
  wake_preempted,
  // Like ring_bell with argument 1, but the kernel takes the interrupt before the call ends. Words:
  // the instructions of that.
  take_ring,
  // Rings the bell while the stack pointer of the kernel's step is broken, as the argument says, a
  // BrokenStack. The kernel panics.
  interrupt_broken_stack,
};

enum class BrokenStack : std::uint64_t { has_overflowed, is_full, is_null, is_above };

// A flag in the argument of self-tests with a CostReport: measure nanoseconds, not instructions.
inline constexpr std::uint64_t by_the_clock = std::uint64_t{1} << 63;

struct CostReport {
  std::uint64_t cost;  // total, in instructions or nanoseconds
  std::uint64_t operations;
};

struct SpinReport {
  std::uint64_t intact;       // 1: every register kept its value
  std::uint64_t rounds;       // how often all registers were checked
  std::uint64_t wakes;        // wakes of the more urgent job
  std::uint64_t worst_ns;     // the largest delay of a wake
  std::uint64_t late;         // wakes delayed by more than a millisecond
  std::uint64_t ran_ns;       // the CPU-bound job, from its start to its end
  std::uint64_t most_rounds;  // the most rounds between two wakes
};

struct BellReport {          // medians, in instructions
  std::uint64_t to_handler;  // from the ring to the handler's first instruction
  std::uint64_t back;        // from the handler's last instruction to the job's next one
};

struct InjectReport {
  std::uint64_t intact;       // 1: every register of the CPU-bound job kept its value
  std::uint64_t deadlines;    // number of rounds
  std::uint64_t preemptions;  // preemptions in all rounds
  std::uint64_t window_ns;    // in the last round, from the first deadline until the woken job runs
  std::uint64_t inside;       // rounds in which the second job ran before the CPU-bound job resumed
  std::uint64_t in_a_row;     // how many of the rounds from the first one on were all of this kind
};

struct RoamReport {
  std::uint64_t intact;       // 1: all registers were kept, and current_job() was right
  std::uint64_t rounds;       // how often the registers were checked
  std::uint64_t preempted;    // preemptions during a step
  std::uint64_t elsewhere;    // preemptions after which another hart resumed the step
  std::uint64_t lost_stacks;  // stacks missing from the pools at the end
};

struct PreemptedWakeReport {
  std::uint64_t lost;      // rounds in which the woken job did not run in time
  std::uint64_t in_midst;  // rounds in which the waking job was preempted within raise()
  std::uint64_t rounds;
};

struct StormReport {
  std::uint64_t interrupts;
  std::uint64_t useless;  // interrupts that gave the driver nothing to do: here, all
  std::uint64_t pauses;   // pauses for which the line was masked
};

}  // namespace abi
