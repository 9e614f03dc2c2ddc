// The supervisor binary interface: calls into the firmware (RISC-V SBI specification 2.0).
// Any context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hal::riscv64::sbi {

/// Finds the extensions that the firmware has. Call it once, before any other function here.
void probe();

/// Requests a timer interrupt on this hart when `time` reaches `tick` (TIME extension or legacy).
void set_timer(std::uint64_t tick);

/// A set of harts by the firmware's numbers: bit n of `bits` stands for hart `first` + n.
struct HartIds {
  std::uint64_t first;
  std::uint64_t bits;
};

/// Raises the software interrupt on each of `harts` (IPI extension or legacy).
void send_ipi(HartIds harts);

/// Starts a stopped hart at the physical address `entry` with `argument` in a1 (HSM extension).
/// Returns false if the firmware cannot start it.
bool start_hart(std::uint64_t hart_id, std::uint64_t entry, std::uint64_t argument);

/// Executes fence.i on each of `harts`; complete when it returns (RFENCE extension or legacy).
void remote_synchronize_code(HartIds harts);

/// Executes sfence.vma on each of `harts`; complete when it returns. Flushes [start, start + size)
/// in the space `asid`, or the whole space if `size` is `whole_space`. If `asid` is nothing,
/// flushes the range in all spaces, global pages included.
void remote_flush(HartIds harts, std::optional<std::uint16_t> asid, std::uintptr_t start,
                  std::size_t size);
inline constexpr std::size_t whole_space = ~std::size_t{0};

/// Writes to the debug console: the DBCN extension or the legacy call.
void console_write(std::span<const char> bytes);

/// Asks for power-off: the SRST extension or the legacy call. Returns only if the firmware refuses.
void shutdown(bool failed);

}  // namespace hal::riscv64::sbi
