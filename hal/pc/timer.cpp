// The time stamp counter, and the timer of the local APIC.
//
// Where the processor has the TSC-deadline mode, the timer interrupts at a time of the counter.
// Elsewhere it counts down by a clock of its own. Boot measures both clocks beside the third
// channel of the 8254 timer, which has one frequency on all PCs (Intel 8254 data sheet).

#include "timer.h"

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/msr.h>
#include <hal/timer.h>

#include <algorithm>

#include "local_apic.h"
#include "ports.h"
#include "vectors.h"

namespace hal {
namespace pc {

std::uint64_t ns_per_tick_fixed = 0;
std::uint64_t entry_tick = 0;

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

// In 32.32 fixed point: the inverse of ns_per_tick_fixed, rounded up. So at the tick ticks_at(ns),
// now_ns() is at least ns.
std::uint64_t ticks_per_ns_fixed = 0;
/// Counts of the local APIC's timer in a tick of the clock; 0: the timer has the TSC-deadline mode.
std::uint64_t counts_per_tick_fixed = 0;

/// The last argument of set_timer() on this hart.
constinit thread_local std::uint64_t deadline_tick = no_deadline;

bool has_deadline_mode() {
  constexpr std::uint32_t tsc_deadline = 1 << 24;
  return (cpuid(1).c & tsc_deadline) != 0;
}

/// The third channel of the 8254: a program can start it and read its output, by the port of the
/// speaker.
class Stopwatch {
 public:
  static constexpr std::uint64_t hz = 1'193'182;

  /// Starts to count `count` down.
  explicit Stopwatch(std::uint16_t count) {
    constexpr std::uint8_t channel_2_both_bytes_mode_0 = 0xb0;
    write_port(speaker, (read_port(speaker) & ~sound) | gate);
    write_port(command, channel_2_both_bytes_mode_0);
    write_port(channel_2, static_cast<std::uint8_t>(count));
    write_port(channel_2, static_cast<std::uint8_t>(count >> 8));
  }
  /// Waits for the end of the count. Returns false if the channel does not count.
  bool wait() const {
    constexpr std::uint8_t output = 1 << 5;
    constexpr unsigned most_reads = 10'000'000;
    if ((read_port(speaker) & output) != 0) return false;
    for (unsigned reads = 0; reads < most_reads; ++reads) {
      if ((read_port(speaker) & output) != 0) return true;
    }
    return false;
  }

 private:
  static constexpr std::uint16_t channel_2 = 0x42, command = 0x43, speaker = 0x61;
  static constexpr std::uint8_t gate = 1 << 0, sound = 1 << 1;
};

/// Starts the timer so that it interrupts at the clock's reading `tick`, or a little later.
void arm(std::uint64_t tick) {
  if (counts_per_tick_fixed == 0) {
    // 0 disarms it. A time that has passed interrupts at once.
    write_msr(Msr::tsc_deadline, tick == no_deadline ? 0 : std::max<std::uint64_t>(tick, 1));
    return;
  }
  if (tick == no_deadline) return apic::write(apic::Register::timer_start, 0);
  using Wide = unsigned __int128;
  const std::uint64_t now = read_counter();
  const Wide left = tick > now ? tick - now : 0;
  const Wide counts = (left * counts_per_tick_fixed >> 32) + 1;
  constexpr std::uint32_t most = ~std::uint32_t{0};  // accept_timer() starts it again
  apic::write(apic::Register::timer_start,
              counts > most ? most : static_cast<std::uint32_t>(counts));
}

}  // namespace

void start_clock() {
  entry_tick = read_counter();
}

bool timer_init() {
  constexpr std::uint16_t count = Stopwatch::hz / 200;
  constexpr std::uint32_t masked = 1 << 16, divide_by_1 = 0b1011;
  constexpr std::uint32_t most = ~std::uint32_t{0};
  apic::write(apic::Register::timer_entry, masked | VECTOR_TIMER);
  apic::write(apic::Register::timer_divisor, divide_by_1);

  const Stopwatch stopwatch{count};
  apic::write(apic::Register::timer_start, most);
  const std::uint64_t begin = read_counter();
  if (!stopwatch.wait()) return false;
  const std::uint64_t end = read_counter();
  const std::uint64_t counts = most - apic::read(apic::Register::timer_current);
  apic::write(apic::Register::timer_start, 0);

  using Wide = unsigned __int128;
  const std::uint64_t ticks = std::max<std::uint64_t>(end - begin, 1);
  const std::uint64_t ns = count * ns_per_second / Stopwatch::hz;
  ns_per_tick_fixed = static_cast<std::uint64_t>((Wide{ns} << 32) / ticks);
  ticks_per_ns_fixed =
      static_cast<std::uint64_t>(((Wide{1} << 64) + ns_per_tick_fixed - 1) / ns_per_tick_fixed);
  if (!has_deadline_mode())
    counts_per_tick_fixed = static_cast<std::uint64_t>((Wide{counts} << 32) / ticks) + 1;
  return true;
}

void timer_start_on_hart() {
  constexpr std::uint32_t deadline_mode = 1 << 18, divide_by_1 = 0b1011;
  apic::write(apic::Register::timer_divisor, divide_by_1);
  apic::write(apic::Register::timer_entry,
              VECTOR_TIMER | (counts_per_tick_fixed == 0 ? deadline_mode : 0));
  asm volatile("mfence" ::: "memory");  // the mode before the first deadline
  set_timer(no_deadline);
}

void accept_timer() {
  // The interrupt may belong to an earlier deadline, or the count was too long for the register.
  if (read_counter() >= deadline_tick) {
    pending |= interrupt::timer;
  } else {
    arm(deadline_tick);
  }
}

void nap(std::uint64_t end_ns) {
  arm(std::min(deadline_tick, ticks_at(end_ns)));
  wait_for_interrupt();
  arm(deadline_tick);
}

}  // namespace pc

std::uint64_t ticks_at(std::uint64_t ns) {
  using Wide = unsigned __int128;
  const Wide ticks = (Wide{ns} * pc::ticks_per_ns_fixed + 0xffff'ffff) >> 32;
  const Wide tick = ticks + pc::entry_tick;
  return tick > no_deadline ? no_deadline : static_cast<std::uint64_t>(tick);
}

void set_timer(std::uint64_t deadline) {
  const InterruptGuard guard;
  pc::deadline_tick = deadline;
  pc::pending &= ~pc::interrupt::timer;
  pc::arm(deadline);
}

}  // namespace hal
