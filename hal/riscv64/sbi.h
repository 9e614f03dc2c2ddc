// The supervisor binary interface: calls into the firmware (RISC-V SBI specification 2.0).
// Every function may be called in any context; none waits.
#pragma once

#include <cstdint>
#include <span>

namespace hal::riscv64::sbi {

/// Finds out which extensions the firmware has. Once, before anything else here.
void probe();

/// Timer interrupt on this hart when `time` reaches `tick` (TIME extension or legacy).
void set_timer(std::uint64_t tick);

/// Software interrupt on the hart with firmware number `hart_id` (IPI extension or legacy).
void send_ipi(std::uint64_t hart_id);

/// Writes to the debug console: DBCN where the firmware has it, else the legacy call.
void console_write(std::span<const char> bytes);

/// Asks for power-off through SRST, else the legacy call. Returns only if the firmware refused.
void shutdown(bool failed);

}  // namespace hal::riscv64::sbi
