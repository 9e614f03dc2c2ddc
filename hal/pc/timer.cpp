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
#include <optional>

#include <hal/machine/vectors.h>
#include "local_apic.h"
#include "ports.h"

namespace hal {
namespace pc {

std::uint64_t ns_per_count_fixed = 0;
std::uint64_t entry_count = 0;

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

// In 32.32 fixed point: the inverse of ns_per_count_fixed, rounded up. So at the count
// count_at(ns), now_ns() is at least ns.
std::uint64_t counts_per_ns_fixed = 0;
/// Counts of the local APIC's timer in a count of the time stamp counter; 0: the timer has the
/// TSC-deadline mode.
std::uint64_t timer_counts_fixed = 0;

/// The time stamp of this hart's deadline.
constinit thread_local std::uint64_t deadline_count = ~std::uint64_t{0};

/// The time stamp at which now_ns() is `ns`, rounded up; the largest one if `ns` is no_deadline.
std::uint64_t count_at(std::uint64_t ns) {
  using Wide = unsigned __int128;
  constexpr std::uint64_t never = ~std::uint64_t{0};
  if (ns == no_deadline) return never;
  const Wide counts = (Wide{ns} * counts_per_ns_fixed + 0xffff'ffff) >> 32;
  const Wide count = counts + entry_count;
  return count > never ? never : static_cast<std::uint64_t>(count);
}

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

/// Starts the timer so that it interrupts at the time stamp `count`, or a little later.
void arm(std::uint64_t count) {
  const bool is_off = count == ~std::uint64_t{0};
  if (timer_counts_fixed == 0) {
    // 0 disarms it. A time that has passed interrupts at once.
    write_msr(Msr::tsc_deadline, is_off ? 0 : std::max<std::uint64_t>(count, 1));
    return;
  }
  if (is_off) return apic::write(apic::Register::timer_start, 0);
  using Wide = unsigned __int128;
  const std::uint64_t now = read_counter();
  if (count <= now) {
    // A count takes at least one period of the timer, in which a program would run on.
    apic::write(apic::Register::timer_start, 0);
    return apic::send(apic::own_id(), apic::Delivery::fixed, VECTOR_TIMER);
  }
  const Wide timer_counts = (Wide{count - now} * timer_counts_fixed >> 32) + 1;
  constexpr std::uint32_t most = ~std::uint32_t{0};  // accept_timer() starts it again
  apic::write(apic::Register::timer_start,
              timer_counts > most ? most : static_cast<std::uint32_t>(timer_counts));
}

/// What both clocks counted beside the 8254.
struct Measurement {
  std::uint64_t counts = 0, timer_counts = 0;
};

std::optional<Measurement> measure(std::uint16_t count) {
  constexpr std::uint32_t most = ~std::uint32_t{0};
  const Stopwatch stopwatch{count};
  apic::write(apic::Register::timer_start, most);
  const std::uint64_t begin = read_counter();
  if (!stopwatch.wait()) return std::nullopt;
  const std::uint64_t end = read_counter();
  const std::uint64_t timer_counts = most - apic::read(apic::Register::timer_current);
  apic::write(apic::Register::timer_start, 0);
  return Measurement{std::max<std::uint64_t>(end - begin, 1), timer_counts};
}

/// Whether two measurements differ by at most one percent in both clocks.
bool agree(const Measurement& one, const Measurement& other) {
  const auto is_close = [](std::uint64_t a, std::uint64_t b) {
    return std::max(a, b) - std::min(a, b) <= std::min(a, b) / 100;
  };
  return is_close(one.counts, other.counts) && is_close(one.timer_counts, other.timer_counts);
}

}  // namespace

void start_clock() {
  entry_count = read_counter();
}

bool timer_init() {
  constexpr std::uint16_t count = Stopwatch::hz / 200;
  constexpr std::uint32_t masked = 1 << 16, divide_by_1 = 0b1011;
  apic::write(apic::Register::timer_entry, masked | VECTOR_TIMER);
  apic::write(apic::Register::timer_divisor, divide_by_1);

  // The host of a virtual machine may stop it during a measurement, which is then too long, or
  // fails. So the loop ends when a measurement agrees with the shortest one before it. If none
  // does, the kernel uses the shortest of all.
  constexpr unsigned most = 20;
  std::optional<Measurement> shortest;
  for (unsigned attempts = 0; attempts < most; ++attempts) {
    const auto measured = measure(count);
    if (!measured) continue;
    if (shortest && agree(*measured, *shortest)) break;
    if (!shortest || measured->counts < shortest->counts) shortest = measured;
  }
  if (!shortest) return false;

  using Wide = unsigned __int128;
  const std::uint64_t ns = count * ns_per_second / Stopwatch::hz;
  ns_per_count_fixed = static_cast<std::uint64_t>((Wide{ns} << 32) / shortest->counts);
  counts_per_ns_fixed =
      static_cast<std::uint64_t>(((Wide{1} << 64) + ns_per_count_fixed - 1) / ns_per_count_fixed);
  if (!has_deadline_mode()) {
    timer_counts_fixed =
        static_cast<std::uint64_t>((Wide{shortest->timer_counts} << 32) / shortest->counts) + 1;
  }
  return true;
}

void timer_start_on_hart() {
  constexpr std::uint32_t deadline_mode = 1 << 18, divide_by_1 = 0b1011;
  apic::write(apic::Register::timer_divisor, divide_by_1);
  apic::write(apic::Register::timer_entry,
              VECTOR_TIMER | (timer_counts_fixed == 0 ? deadline_mode : 0));
  asm volatile("mfence" ::: "memory");  // the mode before the first deadline
  set_timer(no_deadline);
}

void accept_timer() {
  // The interrupt may belong to an earlier deadline, or the count was too long for the register.
  if (read_counter() >= deadline_count) {
    pending |= interrupt::timer;
  } else {
    arm(deadline_count);
  }
}

void nap(std::uint64_t end_ns) {
  arm(std::min(deadline_count, count_at(end_ns)));
  wait_for_interrupt();
  arm(deadline_count);
}

}  // namespace pc

std::uint64_t ticks_at(std::uint64_t ns) {
  return ns;
}

void set_timer(std::uint64_t when) {
  const InterruptGuard guard;
  pc::deadline_count = pc::count_at(when);
  pc::pending &= ~pc::interrupt::timer;
  pc::arm(pc::deadline_count);
}

}  // namespace hal
