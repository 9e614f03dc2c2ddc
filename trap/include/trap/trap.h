// Why a user program stopped running: what `run_user` returns.
#pragma once

#include <hal/page_table.h>

#include <cstdint>
#include <string_view>

namespace trap {

struct Trap {
  enum Kind : std::uint8_t {
    syscall,              ///< the program asked for something; registers hold what
    page_fault,           ///< it touched `address` in a way its mapping does not allow, or has none
    interrupt,            ///< nothing it did: a timer, a device, another hart
    illegal_instruction,  ///< `address` is the instruction's bits, where the machine tells
    breakpoint,
    misaligned,    ///< `address` is the operand
    access_fault,  ///< `address` is not memory
    arithmetic,    ///< it divided by zero, or has asked to be told of such (not on riscv64)
    unknown,       ///< `cause` tells
    // What has come of a system call's first stage (stage_one.h):
    call_waits,      ///< it is not answered, and nothing has changed
    call_answered,   ///< it is, and there is something else to do than to go back
    call_gives_way,  ///< it is, with zero, once others have had their turn
  };
  Kind kind;
  hal::Access access = hal::Access::none;  ///< what the program was doing, for faults
  std::uint32_t cause = 0;                 ///< the machine's own number
  std::uint64_t address = 0;               ///< the machine's own word about it
};
static_assert(sizeof(Trap) == 16, "two registers");

/// For messages: "page fault", …
std::string_view name(Trap::Kind kind);

}  // namespace trap
