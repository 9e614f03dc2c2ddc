// What the firmware does for the kernel. In supervisor mode these are calls of the supervisor
// binary interface (sbi.cpp). In machine mode there is no firmware, and the kernel does it by
// itself (machine_mode/firmware.cpp). Any context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hal::riscv64::firmware {

/// Finds the extensions that the firmware has. Call it once, before any other function here.
void probe();

/// Requests a timer interrupt on this hart when `time` reaches `tick`.
void set_timer(std::uint64_t tick);

/// A set of harts by the firmware's numbers: bit n of `bits` stands for hart `first` + n.
struct HartIds {
  std::uint64_t first;
  std::uint64_t bits;
};

/// Raises the software interrupt on each of `harts`.
void send_ipi(HartIds harts);

/// Starts a stopped hart at the physical address `entry` with `argument` in a1. Returns false if
/// the firmware cannot start it.
bool start_hart(std::uint64_t hart_id, std::uint64_t entry, std::uint64_t argument);

/// Writes to the debug console. In machine mode there is none.
void console_write(std::span<const char> bytes);

/// Asks for power-off. Returns if the firmware refuses.
void shutdown(bool failed);

}  // namespace hal::riscv64::firmware
