// How a trace lies in memory, for whoever looks at the machine's RAM from outside: nothing goes
// through a device or the console, so being looked at costs the guest nothing.
//
//   Header, a page of its own       found by its magic at the beginning of a page
//     rings of hart 0: events ─▶ chunk ─▶ Event Event Event …   each chunk side by side in RAM
//                      names  ─▶ chunk                          as many as fit, then round again
//     rings of hart 1 …
//
// Who somebody is (spawn, thread, text) is in the second of a hart's, where what he does does not
// overwrite it.
//
// cmake/tools/cotrap/trace/ reads it; what changes here changes there, and `version`.
#pragma once

#include <async/graph.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/memory_map.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace kernel::trace {

/// What an event says, and what its fields hold. `job` is the address of the job it is about, the
/// same for two only if the first has ended. Texts are addresses of the kernel's own, in its image.
enum class Kind : std::uint8_t {
  none,
  spawn,  ///< there is a new job; argument: its name, a text
  wake,   ///< it is ready; argument: the job whose step did that, 0 for the executor itself
  run,    ///< its step begins; detail: its priority
  wait,   ///< its step has ended, it waits; argument: for what, a text
  await,  ///< after `wait`: one that is suspended for it, from the leaf; job: the frame's address;
          ///< argument: its code
  yield,  ///< its step has ended, it is ready
  preempt,  ///< its step is preempted, it is ready
  done,     ///< it has ended
  migrate,  ///< it is on this hart now; detail: the one it comes from
  route,    ///< a trap; detail: the router's row
  irq,      ///< an interrupt is taken; detail: the line, or one of Line
  call,     ///< its program calls; detail: the number, 0xffff for any larger; argument: the first
  result,   ///< … and goes on with that answer, in argument
  thread,   ///< the job runs this thread; argument: its process and its own number, 32 bits each
  text,     ///< after `thread`: 16 bytes of its process's name in `job` and `argument`
};

/// Interrupts that are no device's.
enum Line : std::uint16_t { timer_line = 0xffff, poke_line = 0xfffe };

struct Event {
  std::uint64_t ticks;  ///< hal::clock_ticks()
  std::uint32_t fine;   ///< hal::fine_ticks()
  Kind kind;
  std::uint8_t reserved;
  std::uint16_t detail;
  std::uint64_t job;
  std::uint64_t argument;
};
static_assert(sizeof(Event) == 32);

inline constexpr std::size_t chunk_events = std::size_t{1} << 16;  // 2 MiB
inline constexpr std::size_t most_chunks = 16;

struct Ring {
  std::atomic<std::uint64_t> count = 0;  ///< events ever noted; what has been overwritten is lost
  std::array<std::uint64_t, most_chunks> chunks{};  ///< physical addresses; all that are not 0
};

struct HartRings {
  Ring events;
  Ring names;
};

inline constexpr std::uint32_t version = 2;

/// What drives a line: a text that a zero ends unless it fills the array; empty where nobody does.
using LineName = std::array<char, 12>;

struct Header {
  std::array<char, 16> magic{};
  std::uint32_t version = trace::version;
  std::uint32_t harts = 0;
  std::uint64_t capacity = 0;   ///< events a ring, a power of two …
  std::uint64_t names = 0;      ///< … and of the other
  std::uint64_t period_ns = 0;  ///< of a tick
  std::uint64_t first_tick = 0;
  std::uint64_t first_ns = 0;    ///< … which was then, since boot
  std::uint64_t address = 0;     ///< this header's, physical
  std::uint64_t anchor = 0;      ///< where the kernel's `cotrap_trace_anchor` is
  std::uint64_t direct_map = 0;  ///< virtual less physical addresses of RAM
  async::JobLayout jobs{};       ///< by virtual addresses
  std::array<HartRings, hal::max_harts> rings{};
  std::array<LineName, hal::irq_limit> lines{};  ///< by the line's number
};
static_assert(sizeof(Header) <= hal::page_size);

}  // namespace kernel::trace
