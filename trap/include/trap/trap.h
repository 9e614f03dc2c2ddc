// Trap: why run_user() returned.
#pragma once

#include <hal/page_table.h>

#include <cstdint>
#include <string_view>

namespace trap {

struct Trap {
  enum Kind : std::uint8_t {
    syscall,              ///< the program made a system call; its registers hold the arguments
    page_fault,           ///< `address` is not mapped, or `access` is not allowed there
    interrupt,            ///< timer, device or IPI
    illegal_instruction,  ///< `address`: the instruction's bits, if the machine provides them
    breakpoint,
    misaligned,    ///< `address`: the operand's address
    access_fault,  ///< no memory at the physical address
    /// A division by zero or a floating-point exception (not on riscv64). `address`: the code of
    /// its SIGFPE.
    arithmetic,
    unknown,  ///< any other; see `cause`
    // How a system call ended in its fast path (fast_path.h) or in the trap handler (handler.h):
    would_block,    ///< the call must wait
    call_answered,  ///< a result, but another job must run first
  };
  Kind kind;
  hal::Access access = hal::Access::none;  ///< read, write or execute, if an access faulted
  std::uint32_t cause = 0;                 ///< the machine's cause number (riscv64: scause)
  std::uint64_t address = 0;               ///< the machine's trap value (riscv64: stval)
};
static_assert(sizeof(Trap) == 16, "two registers");

/// In place of a cause: the system call has ended as `kind` says, would_block or call_answered. No
/// machine has such a cause, and one instruction loads it.
constexpr std::uint64_t cause_of(Trap::Kind kind) {
  return 0x700 + kind;
}

/// The kind in words, for messages: "page fault", …
std::string_view name(Trap::Kind kind);

}  // namespace trap
