// The layout of a trace in memory. A tool on the host reads it from the machine's RAM. No event
// passes through a device or the console, so reading a trace costs the guest nothing.
//
//   Header, in its own frames       found by its magic at the beginning of a page
//     rings of hart 0: events ─▶ chunk ─▶ Event Event Event …   each chunk contiguous in RAM
//                      names  ─▶ chunk                          the ring overwrites old events
//     rings of hart 1 …
//
// The second ring of each hart holds the events that name jobs (spawn, thread, text). The many
// events of the first ring cannot overwrite them there.
//
// cmake/tools/cotrap/trace/ reads this layout. If you change it here, change it there, and increase
// `version`.
#pragma once

#include <async/graph.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/memory_map.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace kernel::trace {

/// The kind of an event, and the meaning of its fields. `job` is the address of the job. Two jobs
/// have the same address only if the first has ended. Texts are addresses in the kernel's image.
enum class Kind : std::uint8_t {
  none,
  spawn,    ///< the job is new; argument: its name, a text
  wake,     ///< the job becomes ready; argument: the job that woke it, 0 for the executor itself
  run,      ///< its step begins; detail: its level
  wait,     ///< its step ends and it waits; argument: the reason, a text
  await,    ///< after `wait`: a coroutine of its await chain, from the leaf on; job: the frame;
            ///< argument: its code (both are addresses)
  yield,    ///< its step ends and it is ready
  preempt,  ///< its step is preempted and it is ready
  done,     ///< the job ends
  migrate,  ///< this hart sends the job to another one; detail: the number of that hart
  route,    ///< a trap; detail: the router's row
  irq,      ///< an interrupt; detail: the number of the device's interrupt line, or one of Line
  call,    ///< a system call; detail: its number, or 0xffff if larger; argument: its first argument
  result,  ///< the system call returns; argument: the result
  thread,  ///< the job runs a thread; argument: the numbers of its process and its own, 32 bits
           ///< each
  text,    ///< after `thread`: the first 16 bytes of its process's name, in `job` and `argument`
};

/// Interrupts that do not come from a device.
enum Line : std::uint16_t { timer_line = 0xffff, ipi_line = 0xfffe };

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
  std::atomic<std::uint64_t> count = 0;  ///< events recorded so far, overwritten ones included
  std::array<std::uint64_t, most_chunks> chunks{};  ///< physical addresses; 0: unused
};

struct HartRings {
  Ring events;
  Ring names;
};

inline constexpr std::uint32_t version = 3;

/// The name of a line's driver. Zero-terminated unless it fills the array. Empty: no driver.
using LineName = std::array<char, 12>;

struct Header {
  std::array<char, 16> magic{};
  std::uint32_t version = trace::version;
  std::uint32_t harts = 0;
  std::uint64_t capacity = 0;   ///< size of the event rings in events, a power of two
  std::uint64_t names = 0;      ///< size of the name rings in events, a power of two
  std::uint64_t period_ns = 0;  ///< length of a tick
  std::uint64_t first_tick = 0;
  std::uint64_t first_ns = 0;    ///< time since boot at first_tick
  std::uint64_t address = 0;     ///< physical address of this header
  std::uint64_t anchor = 0;      ///< virtual address of `cotrap_trace_anchor`
  std::uint64_t direct_map = 0;  ///< virtual minus physical addresses of RAM
  async::JobLayout jobs{};       ///< where a reader finds the jobs and their fields
  std::array<HartRings, hal::max_harts> rings{};
  std::array<LineName, hal::irq_limit> lines{};  ///< by number of the line
};

}  // namespace kernel::trace
