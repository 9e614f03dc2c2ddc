// ELF64 structures in a file and in a loaded program's memory (System V ABI, chapters 4 and 5;
// RISC-V ELF psABI). The names are the specification's, without its prefixes.
#pragma once

#include <array>
#include <cstdint>

namespace abi::elf {

struct Header {
  std::array<std::uint8_t, 16> identification;
  std::uint16_t type;
  std::uint16_t machine;
  std::uint32_t version;
  std::uint64_t entry;
  std::uint64_t program_headers_offset;
  std::uint64_t section_headers_offset;
  std::uint32_t flags;
  std::uint16_t header_bytes;
  std::uint16_t program_header_bytes;
  std::uint16_t program_header_count;
  std::uint16_t section_header_bytes;
  std::uint16_t section_header_count;
  std::uint16_t section_names_index;
};
static_assert(sizeof(Header) == 64);

inline constexpr std::array<std::uint8_t, 4> magic = {0x7f, 'E', 'L', 'F'};
inline constexpr std::uint8_t class_64 = 2, little_endian = 1, current_version = 1;
inline constexpr std::uint8_t abi_system_v = 0, abi_linux = 3;
inline constexpr std::uint16_t type_executable = 2, type_shared = 3;
inline constexpr std::uint16_t machine_riscv = 243, machine_x86_64 = 62;

struct ProgramHeader {
  std::uint32_t type;
  std::uint32_t flags;
  std::uint64_t offset;
  std::uint64_t virtual_address;
  std::uint64_t physical_address;
  std::uint64_t file_bytes;
  std::uint64_t memory_bytes;
  std::uint64_t alignment;
};
static_assert(sizeof(ProgramHeader) == 56);

inline constexpr std::uint32_t loadable = 1, interpreter = 3, header_table = 6,
                               thread_local_data = 7;
inline constexpr std::uint32_t gnu_stack = 0x6474e551;
inline constexpr std::uint32_t flag_execute = 1, flag_write = 2, flag_read = 4;

}  // namespace abi::elf
