// x86_64 as programs of the hosted machine know it: what their files say, and what they are told at
// their start.
#pragma once

#include <abi/elf.h>
#include <trap/segments.h>
#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

namespace trap::program_machine {

/// In uname, AT_PLATFORM and /proc/version.
inline constexpr std::string_view name = "x86_64";
/// In the header of an ELF file.
inline constexpr std::uint16_t elf_number = abi::elf::machine_x86_64;
/// Where instructions may begin.
inline constexpr std::uint64_t instruction_alignment = 1;

/// AT_HWCAP: nothing is promised that not every x86_64 has.
constexpr std::uint64_t hardware_capabilities() {
  return 0;
}

/// AT_SYSINFO: what programs call.
inline std::uint64_t syscall_entry() {
  return entry_address();
}

/// What a program's registers are at its start besides what every machine has: to it, a system call
/// is the call of a function, after which vector registers are anybody's.
inline void prepare(UserContext& start) {
  start.kept = UserContext::none;
}

}  // namespace trap::program_machine
