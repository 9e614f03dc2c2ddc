// Programs: from an ELF file and its arguments to an address space that is ready to run.
#pragma once

#include <kernel/result.h>
#include <trap/user_context.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "files/path_lookup.h"
#include "memory/address_space.h"

namespace kernel {

/// Argument and environment strings for a new program, stored in one allocation of `limit` bytes. A
/// caller in a system call first checks memory::can_allocate_contiguous(limit).
class ProgramArguments {
 public:
  /// The most bytes of all strings, with their zeros, and of the pointers to them. Linux allows as
  /// many for a single string (MAX_ARG_STRLEN).
  static constexpr std::size_t limit = 128 * 1024;

  /// Add a copy of `text`. Add all arguments before the first environment string, `NAME=value`.
  /// Return false if there is no room.
  bool add_argument(std::string_view text) { return add(text) && ++argument_count_; }
  bool add_environment(std::string_view text) { return add(text) && ++environment_count_; }

  /// For strings that are written in place: the room for the next string and its zero. The caller
  /// then calls take_argument() or take_environment() with the length without the zero.
  std::span<char> room() {
    const std::size_t pointers = (argument_count_ + environment_count_ + 1) * sizeof(void*);
    return {storage_.get() + size_, limit - std::min(limit, size_ + pointers)};
  }
  void take_argument(std::size_t length) {
    take(length);
    ++argument_count_;
  }
  void take_environment(std::size_t length) {
    take(length);
    ++environment_count_;
  }

  /// Replaces argument 0, which must exist, by two or three others: the interpreter of a script,
  /// its argument if there is one, and the script. Returns false if there is no room; then nothing
  /// has changed.
  bool replace_first(std::string_view interpreter, std::optional<std::string_view> argument,
                     std::string_view script);

  /// All strings, each with its zero, one after the other.
  std::string_view strings() const { return {storage_.get(), size_}; }
  std::size_t argument_count() const { return argument_count_; }
  std::size_t environment_count() const { return environment_count_; }

 private:
  void take(std::size_t length) {
    size_ += length;
    storage_[size_++] = '\0';
  }
  bool add(std::string_view text) {
    if (text.size() >= room().size()) return false;
    text.copy(room().data(), text.size());
    take(text.size());
    return true;
  }

  std::unique_ptr<char[]> storage_ = std::make_unique_for_overwrite<char[]>(limit);
  std::size_t size_ = 0;
  std::size_t argument_count_ = 0;
  std::size_t environment_count_ = 0;
};

struct Program {
  Ref<memory::AddressSpace> space;
  hal::VirtAddr entry;  ///< its first instruction, or that of its interpreter
  hal::VirtAddr stack;

  /// The registers at its first instruction.
  trap::UserContext start() const;
};

/// The contents of a program or an interpreter.
struct ProgramFile {
  /// If `paged` is null, they are in memory, and must never change or be freed. Otherwise only the
  /// first `present` bytes are, until the program is loaded; the others only have places.
  std::span<const std::byte> bytes;
  std::size_t present = 0;
  Ref<File> paged{};                     ///< pages of the program come from it (File::pages_until)
  std::unique_ptr<std::byte[]> start{};  ///< a copy of the first `present` bytes; may be null
};

/// The contents of `file`, which open_executable(lookup, …) has returned. EACCES: this machine
/// cannot run a file whose contents may change; ETXTBSY: a program has the file open for writing;
/// ENOMEM. would_block: the call fetches their start first.
Result<ProgramFile> program_file(const PathLookup& lookup, Ref<File> file);

/// Creates an address space with the segments of the ELF file `file` and a stack of `stack_bytes`,
/// and builds the startup stack in it. If the program names an interpreter, `lookup` finds it, and
/// it is mapped, too. Files in memory are mapped in place. `path` is the value of AT_EXECFN.
/// ENOEXEC if the program is none for this machine, ELIBBAD if the interpreter is none; EACCES: the
/// contents of the interpreter could change; errors of open_executable() for it; ENOMEM.
Result<Program> load_program(const PathLookup& lookup, const ProgramFile& file,
                             std::string_view path, const ProgramArguments& arguments,
                             std::size_t stack_bytes);

}  // namespace kernel
