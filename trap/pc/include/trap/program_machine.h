// The description of an x86_64 PC for programs: the machine in the ELF header, and the values in
// the auxiliary vector.
#pragma once

#include <abi/elf.h>
#include <hal/machine/msr.h>
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

/// AT_HWCAP: the word that CPUID has in edx (Linux, arch/x86/include/asm/elf.h).
inline std::uint64_t hardware_capabilities() {
  return hal::pc::cpuid(1).d;
}

/// Which instructions that harts have programs may not use, and why: none.
inline std::string_view missing_instructions() {
  return {};
}

/// AT_SYSINFO: the address that programs call to make a system call; 0 if they use an instruction
/// for it, as here.
inline std::uint64_t syscall_entry() {
  return 0;
}

/// Sets the initial registers that only this machine has: none.
inline void prepare(UserContext&) {}

}  // namespace trap::program_machine
