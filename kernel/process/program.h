// Programs: from an ELF file and its arguments to an address space that is ready to run.
#pragma once

#include <kernel/result.h>
#include <trap/user_context.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "memory/address_space.h"

namespace kernel {

/// What a program may put on its stack before it faults.
inline constexpr std::size_t user_stack_bytes = std::size_t{8} << 20;

/// Argument and environment strings on their way from one program to the next.
struct ProgramArguments {
  /// All of them with their zeros, and pointers to them, must fit (Linux's MAX_ARG_STRLEN).
  static constexpr std::size_t limit = 128 * 1024;

  std::string strings;  ///< zero-terminated, arguments first, then `NAME=value` words
  std::size_t argument_count = 0;
  std::size_t environment_count = 0;

  void add_argument(std::string_view text) { add(text, argument_count); }
  /// After the last argument.
  void add_environment(std::string_view text) { add(text, environment_count); }
  std::size_t bytes() const {
    return strings.size() + (argument_count + environment_count) * sizeof(std::uintptr_t);
  }

 private:
  void add(std::string_view text, std::size_t& count) {
    strings.append(text).push_back('\0');
    ++count;
  }
};

struct Program {
  Ref<memory::AddressSpace> space;
  trap::UserContext start;  ///< registers at its first instruction
};

/// Maps the segments of `file`, which must stay as it is for ever, and builds the start-up stack.
/// `path` is for AT_EXECFN. ENOEXEC for a file that is no program for this machine, E2BIG, ENOMEM.
Result<Program> load_program(std::span<const std::byte> file, std::string_view path,
                             const ProgramArguments& arguments);

}  // namespace kernel
