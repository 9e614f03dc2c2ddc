// SelfTests: what a program can have the kernel do to itself, to test it and to measure it.
//
//   self_test(which, argument, words, count) fills up to `count` 64-bit words with what came of it.
//
// One at a time in the machine: EBUSY. ENXIO: there is no bell, or no second hart, or nobody waits
// for ring_bell. Ends soon when its caller is killed, but for `stall`.
#pragma once

#include <cstdint>

namespace abi {

enum class SelfTest : std::uint64_t {
  // A coroutine computes for `argument` ms with a value in every register; above it another wakes
  // every millisecond. Words: SpinReport.
  spin,
  // Two equally urgent ones compute for `argument` ms each. Words: the rounds of each.
  spin_two,
  // The clock's bell is rung in the midst of a coroutine's step, `argument` times; its handler is
  // more urgent. Words: BellReport.
  bell_preempts,
  // … is as urgent.
  bell_wakes,
  // … and is more urgent, the bell being rung between two steps.
  bell_at_yield_point,
  // From now on a handler waits for the bell: more urgent than the caller (1) or less (0).
  set_bell,
  // Rings it, once for each set_bell; the caller goes on as if nothing had been.
  ring_bell,
  // A coroutine that computes is preempted 1, 2, … `argument` ticks of the clock apart from another
  // preemption. Words: InjectReport.
  inject,
  // `argument` coroutines give way to each other. Words: CostReport, of switches.
  yield,
  // `argument` coroutines, each more urgent than the one before, which it finds computing. Words: 1
  // if
  // all kept their registers, how many were preempted.
  nest,
  // A coroutine of the strand computes for `argument` ms: it stalls.
  stall,
  // For `argument` ms the bell rings whatever its driver does; who calls waits. Words: StormReport.
  storm,
  // For `argument` ms coroutines compute with a value in every register, and await, on whichever
  // hart has time for them; on every hart another is above them. Words: RoamReport.
  roam,
  // Two coroutines send each other a value, by channels, `argument` times there and back. Words:
  // CostReport, of round trips.
  channel,
  // `argument` coroutines are started, end and are joined, one after the other. Words: CostReport.
  spawn,
  // `argument` coroutines wait for an event. Words: the bytes that all of them take, their number.
  wait,
  // Two stacks are changed over to, `argument` times there and back. Words: CostReport, of
  // switches.
  switch_stack,
  // A coroutine is woken that waits on another hart, which idles. Words: the nanoseconds until it
  // runs.
  wake_remote,
  // Two coroutines wait for each other's mutexes until one of them is cancelled.
  deadlock,
  // What is looked for where the kernel's command line has `watch`: a coroutine is said to be woken
  // twice; one is said to be woken and does not run for `argument` milliseconds; one is ready, and
  // another that is more urgent for so long.
  double_enqueue,
  lost_wake,
  starvation,
  // A coroutine joins one that wants its mutex, until that one is cancelled.
  deadlock_by_join,
  // A coroutine wakes one that waits on another hart, `argument` times, and is preempted one tick
  // later each time. The job that preempts it waits for the other hart. Words: PreemptedWakeReport.
  wake_preempted,
};

// In the argument of those that report a cost: measure nanoseconds by the clock, not instructions.
inline constexpr std::uint64_t by_the_clock = std::uint64_t{1} << 63;

struct CostReport {
  std::uint64_t cost;  // instructions or nanoseconds, of all together
  std::uint64_t operations;
};

struct SpinReport {
  std::uint64_t intact;       // every register kept its value
  std::uint64_t rounds;       // … and was looked at so often
  std::uint64_t wakes;        // of the coroutine above it
  std::uint64_t worst_ns;     // the most that one of them was late
  std::uint64_t late;         // how many were by more than a millisecond
  std::uint64_t ran_ns;       // the first one, from its start to its end
  std::uint64_t most_rounds;  // between two wakes
};

struct BellReport {          // instructions, the median of all
  std::uint64_t to_handler;  // from the last before the interrupt to the handler's first
  std::uint64_t back;        // from the handler's last to the next of what it interrupted
};

struct InjectReport {
  std::uint64_t intact;
  std::uint64_t deadlines;    // put one tick further each
  std::uint64_t preemptions;  // that came of them
  std::uint64_t window_ns;  // from the first interrupt to the coroutine going on, without a second
  std::uint64_t inside;     // deadlines that came before it went on
  std::uint64_t in_a_row;   // … from the first to the first that did not
};

struct RoamReport {
  std::uint64_t intact;       // every register kept its value, every coroutine knew itself
  std::uint64_t rounds;       // … and they were looked at so often
  std::uint64_t preempted;    // in mid-step
  std::uint64_t elsewhere;    // … of those: gone on with on another hart
  std::uint64_t lost_stacks;  // fewer free after than before
};

struct PreemptedWakeReport {
  std::uint64_t lost;      // rounds in which the other hart was not woken
  std::uint64_t in_midst;  // rounds in which the wake was preempted after its first instruction
  std::uint64_t rounds;
};

struct StormReport {
  std::uint64_t interrupts;
  std::uint64_t useless;  // of those: all
  std::uint64_t pauses;   // for which the line was left silent
};

}  // namespace abi
