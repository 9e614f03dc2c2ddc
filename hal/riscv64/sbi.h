// The supervisor binary interface: calls into the firmware (RISC-V SBI specification 2.0).
// Every function may be called in any context; none waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hal::riscv64::sbi {

/// Finds out which extensions the firmware has. Once, before anything else here.
void probe();

/// Timer interrupt on this hart when `time` reaches `tick` (TIME extension or legacy).
void set_timer(std::uint64_t tick);

/// Harts by firmware number: those of `first` + n with bit n of `bits` set.
struct HartIds {
  std::uint64_t first;
  std::uint64_t bits;
};

/// Software interrupt on each of `harts` (IPI extension or legacy).
void send_ipi(HartIds harts);

/// Lets a stopped hart begin at `entry`, physical, with `argument` in a1 (HSM extension). False
/// when the firmware cannot or will not.
bool start_hart(std::uint64_t hart_id, std::uint64_t entry, std::uint64_t argument);

/// fence.i on each of `harts`. It and the next are done when the call returns (RFENCE extension or
/// legacy).
void remote_synchronize_code(HartIds harts);

/// sfence.vma on each of `harts`: the addresses [start, start + size) in the space `asid`; all of
/// a space if `size` is `whole_space`, all spaces and global pages if `asid` is nothing.
void remote_flush(HartIds harts, std::optional<std::uint16_t> asid, std::uintptr_t start,
                  std::size_t size);
inline constexpr std::size_t whole_space = ~std::size_t{0};

/// Writes to the debug console: DBCN where the firmware has it, else the legacy call.
void console_write(std::span<const char> bytes);

/// Asks for power-off through SRST, else the legacy call. Returns only if the firmware refused.
void shutdown(bool failed);

}  // namespace hal::riscv64::sbi
