// The description of riscv64 for programs: the machine in the ELF header, and the values in the
// auxiliary vector.
#pragma once

#include <abi/elf.h>
#include <hal/machine/vectors.h>
#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

namespace trap::program_machine {

/// The machine's name in uname, AT_PLATFORM and /proc/version.
inline constexpr std::string_view name = "riscv64";
/// e_machine of an ELF file (RISC-V ELF psABI).
inline constexpr std::uint16_t elf_number = abi::elf::machine_riscv;
/// Instructions begin at multiples of this, in bytes. Every machine supports the compressed
/// extension.
inline constexpr std::uint64_t instruction_alignment = 2;

/// AT_HWCAP: a bit for each letter of rv64imafdc, and of v if programs may use vector registers.
inline std::uint64_t hardware_capabilities() {
  const auto bit = [](char letter) { return std::uint64_t{1} << (letter - 'a'); };
  std::uint64_t bits = 0;
  for (const char letter : std::string_view{"imafdc"}) bits |= bit(letter);
  if (hal::riscv64::bytes_of_vector_register() != 0) bits |= bit('v');
  return bits;
}

/// Which instructions that harts have programs may not use, and why; empty if there are none.
/// Complete when all harts have started.
inline std::string_view missing_instructions() {
  switch (hal::riscv64::vectors()) {
    case hal::riscv64::Vectors::differ:
      return "vector instructions: the harts' vector registers differ";
    case hal::riscv64::Vectors::refused:
      return "vector instructions: the length of the vector registers is not supported";
    default: return {};
  }
}

/// AT_SYSINFO: the address that programs call to make a system call; 0 if they use an instruction
/// for it, as here.
inline std::uint64_t syscall_entry() {
  return 0;
}

/// Sets the initial registers that only this machine has: none.
inline void prepare(UserContext&) {}

}  // namespace trap::program_machine
