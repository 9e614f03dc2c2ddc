// riscv64 as its programs know it: what their files say, and what they are told at their start.
#pragma once

#include <abi/elf.h>
#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

namespace trap::program_machine {

/// In uname, AT_PLATFORM and /proc/version.
inline constexpr std::string_view name = "riscv64";
/// In the header of an ELF file (RISC-V ELF psABI).
inline constexpr std::uint16_t elf_number = abi::elf::machine_riscv;
/// Where instructions may begin: the compressed extension is in every base we run.
inline constexpr std::uint64_t instruction_alignment = 2;

/// AT_HWCAP: a bit for each letter of rv64imafdc.
constexpr std::uint64_t hardware_capabilities() {
  std::uint64_t bits = 0;
  for (const char letter : std::string_view{"imafdc"}) bits |= std::uint64_t{1} << (letter - 'a');
  return bits;
}

/// AT_SYSINFO, the address that programs call where others have an instruction for system calls; 0:
/// there is one.
inline std::uint64_t syscall_entry() {
  return 0;
}

/// What a program's registers are at its start besides what every machine has.
inline void prepare(UserContext&) {}

}  // namespace trap::program_machine
