// Programs: from an ELF file and its arguments to an address space that is ready to run.
#pragma once

#include <kernel/result.h>
#include <trap/user_context.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/path_lookup.h"
#include "memory/address_space.h"

namespace kernel {

/// Argument and environment strings for a new program. They are in pieces, so that they need no
/// large contiguous allocation, and each string lies in one piece.
class ProgramArguments {
 public:
  /// The most bytes of a string with its zero (MAX_ARG_STRLEN).
  static constexpr std::size_t longest_string = 128 * 1024;

  /// `most_bytes`: of all strings, with their zeros, and of the pointers to them.
  explicit ProgramArguments(std::size_t most_bytes = longest_string)
      : left_{most_bytes - sizeof(void*)} {}

  /// Add a copy of `text`. Add all arguments before the first environment string, `NAME=value`.
  /// E2BIG: there is no room; ENOMEM.
  Result<> add_argument(std::string_view text);
  Result<> add_environment(std::string_view text);

  /// For strings that are written in place: the room for the next string and its zero. The caller
  /// then calls take_argument() or take_environment() with the length without the zero.
  std::span<char> room() {
    Piece& piece = last();
    return {piece.bytes.get() + piece.size, std::min(piece.capacity - piece.size, left_)};
  }
  /// Makes more room for the next string, which is longer than room(). E2BIG; ENOMEM.
  Result<> make_room();
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
  /// Restores the arguments that replace_first() has replaced.
  void restore_first();

  /// All strings, each with its zero, one after the other: the pieces 0 … piece_count() - 1.
  std::size_t piece_count() const { return pieces_.size() + 2; }
  std::string_view piece(std::size_t index) const;
  std::size_t argument_count() const { return argument_count_ + added_arguments_; }
  std::size_t environment_count() const { return environment_count_; }

 private:
  struct Piece {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0, size = 0;
  };

  Piece& last() { return pieces_.empty() ? first_ : pieces_.back(); }
  Result<> add(std::string_view text);
  void take(std::size_t length) {
    Piece& piece = last();
    piece.bytes[piece.size + length] = '\0';
    piece.size += length + 1;
    left_ -= std::min(left_, length + 1 + sizeof(void*));
  }

  std::size_t left_;  // the bytes for strings, if one more is added
  Piece first_;       // with argument 0
  std::vector<Piece> pieces_;
  // The arguments of replace_first(), how many bytes of the first piece they replace, and what they
  // took of left_.
  std::string front_;
  std::size_t replaced_bytes_ = 0;
  std::size_t taken_by_front_ = 0;
  std::size_t argument_count_ = 0, added_arguments_ = 0;
  std::size_t environment_count_ = 0;
};

/// The stack that a program finds when it starts: argc, argv, envp, the auxiliary vector and what
/// they point to, laid out as Linux does (System V ABI, "Process Initialization"; getauxval(3) for
/// the tags). It is written in steps, because the arguments may be large.
class StartupStack {
 public:
  /// What the auxiliary vector says of a program.
  struct Facts {
    hal::VirtAddr program_headers, entry;
    std::size_t header_bytes, header_count;
    hal::VirtAddr interpreter;  ///< its load bias; 0: none
  };
  /// The stack ends at `top`.
  StartupStack(hal::VirtAddr top, const Facts& facts) : at_{top}, facts_{facts} {}

  /// Writes some of it. `path`: the value of AT_EXECFN. Path and arguments are the same for each
  /// step. Returns true if all of it is written. ENOMEM, EFAULT.
  Result<bool> step(memory::AddressSpace& space, std::string_view path,
                    const ProgramArguments& arguments);
  /// The stack pointer, 16-aligned, after the last step.
  hal::VirtAddr pointer() const { return table_; }

 private:
  static constexpr std::size_t aux_words = 48;
  static constexpr std::size_t small_table = 128;  // in words

  Result<> put(memory::AddressSpace& space, std::span<const std::byte> bytes,
               std::size_t alignment = 1);
  Result<> put_string(memory::AddressSpace& space, std::string_view text);
  Result<> begin_table(memory::AddressSpace& space, const ProgramArguments& arguments);
  Result<> write_small_table(memory::AddressSpace& space, const ProgramArguments& arguments);
  Result<bool> write_table(memory::AddressSpace& space, const ProgramArguments& arguments);
  std::uint64_t next_word(const ProgramArguments& arguments);
  std::uint64_t next_pointer(const ProgramArguments& arguments);

  hal::VirtAddr at_;  // what is written begins here
  Facts facts_;
  hal::VirtAddr path_ = 0;      // the address of the path
  std::size_t pieces_put_ = 0;  // of the arguments, from the last one
  hal::VirtAddr table_ = 0;     // from argc on; 0: not begun
  std::size_t words_ = 0;       // of the table
  std::size_t words_written_ = 0;
  hal::VirtAddr string_ = 0;    // the next string to which the table points
  std::string_view strings_{};  // from there to the end of its piece
  std::size_t piece_ = 0;
  std::array<std::uint64_t, aux_words> aux_;
  std::size_t aux_count_ = 0;
};

struct Program {
  Ref<memory::AddressSpace> space;
  hal::VirtAddr entry;  ///< its first instruction, or that of its interpreter
  hal::VirtAddr stack_top;
  StartupStack::Facts facts;  ///< for the stack, which the caller builds

  /// The registers at its first instruction. `stack`: the stack pointer.
  trap::UserContext start(hal::VirtAddr stack) const;
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

/// Creates an address space with the segments of the ELF file `file` and an empty stack of
/// `stack_bytes`. If the program names an interpreter, `lookup` finds it, and it is mapped, too.
/// Files in memory are mapped in place. ENOEXEC if the program is none for this machine, ELIBBAD if
/// the interpreter is none; EACCES: the contents of the interpreter could change; errors of
/// open_executable() for it; ENOMEM.
Result<Program> load_program(const PathLookup& lookup, const ProgramFile& file,
                             std::string_view path, std::size_t stack_bytes);

}  // namespace kernel
