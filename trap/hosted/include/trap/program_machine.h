// What a program sees of x86_64: the machine's name and ELF number, values of the auxiliary
// vector, and its part of the initial context.
#pragma once

#include <abi/elf.h>
#include <trap/segments.h>
#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

namespace trap::program_machine {

/// The machine's name in uname, AT_PLATFORM and /proc/version.
inline constexpr std::string_view name = "x86_64";
/// e_machine of an ELF file.
inline constexpr std::uint16_t elf_number = abi::elf::machine_x86_64;
/// Instructions begin at multiples of this, in bytes.
inline constexpr std::uint64_t instruction_alignment = 1;

/// AT_HWCAP: promises only what every x86_64 processor has.
constexpr std::uint64_t hardware_capabilities() {
  return 0;
}

/// Which instructions that harts have programs may not use, and why: none.
inline std::string_view missing_instructions() {
  return {};
}

/// AT_SYSINFO: the address that programs call to make a system call.
inline std::uint64_t syscall_entry() {
  return entry_address();
}

/// Sets the part of a program's initial context that only this machine has. Programs call the gate
/// like a C function. A C function may change all vector registers, so the gate preserves none. If
/// the kernel catches or rewrites a `syscall` of the program, it sets `kept` to `all`.
inline void prepare(UserContext& start) {
  start.kept = UserContext::none;
}

}  // namespace trap::program_machine
