// Rewrites the instructions of programs that were not built for this machine, so that they run on
// it.
//
// In the mode Segments::rewrite, fs stays the kernel's, and a program's thread-local storage is
// found through gs. Rewriting replaces the one byte of an instruction that selects fs by the one
// that selects gs. Instructions keep their lengths, and each change is one byte.
//
// The host catches `syscall` instructions (trap/signal.h), which costs a signal. To avoid that, the
// instruction before a `syscall` is replaced by a jump to the gate, if it can be moved:
//
//     mov $n, %eax        5 bytes or more   ──▶   jmp thunk
//     syscall             2 bytes                 syscall         unchanged: may be jumped to
//   back:
//                                          thunk: mov $n, %eax    the moved instruction
//                                                 mov %eax, %eax; lea add(%rax), %rax
//                                                 lea back, %rcx
//                                                 jmp *gate
//
// Like `syscall`, a thunk preserves the stack, the red zone and the flags, and leaves the return
// address in rcx. A shorter instruction (xor %eax, %eax) is replaced by a two-byte jump to an
// *island* less than 128 bytes away, which jumps to the thunk. An island is the long nop with which
// a compiler aligns the code after a `ret` or a `jmp`; it is never executed.
//
// All changes are made to a copy. The caller puts the copy in the program's place while no hart
// executes that code.
#pragma once

#include <trap/instruction.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace trap {

/// Code to rewrite: a writable view, and its address in the program.
struct Code {
  std::span<std::byte> bytes;
  std::uint64_t address;

  Code from(std::uint64_t at) const { return {bytes.subspan(at - address), at}; }
};

/// An instruction that is unknown, or that programs must not execute.
struct Refusal {
  std::uint64_t address;
  std::array<std::byte, longest_instruction> bytes;
  std::size_t size;  ///< number of valid bytes
};

/// Rewrites a piece of code up to its end or to the first refused instruction. Skips zeros between
/// functions.
class Rewriter {
 public:
  enum class Fs : std::uint8_t {
    stays,       ///< finds only system calls
    becomes_gs,  ///< replaces fs by gs; refuses code that uses gs itself
    mostly_is,   ///< like becomes_gs, but accepts gs, because an earlier rewriting put it there
  };
  /// `first`: the address of the first instruction.
  Rewriter(Code code, std::uint64_t first, Fs fs);

  /// Continues for at least `bytes` bytes. Returns true if code is left.
  bool step(std::size_t bytes);

  /// The number of instructions changed from fs to gs.
  std::size_t changed() const { return changed_; }
  /// The end of the code that has been decoded.
  std::uint64_t understood_end() const { return rest_.address; }
  /// The refused instruction at which it stopped, if any.
  const std::optional<Refusal>& refusal() const { return refusal_; }

  /// The number of system calls that can become jumps.
  std::size_t system_calls() const { return before_calls_.size(); }
  /// Changes these system calls to jumps, as long as `room` has space for thunks. Each thunk adds
  /// `add` to the number of its system call. `jump_gate`: the address that the thunks jump to.
  void patch_system_calls(Code room, std::uint64_t jump_gate, std::uint32_t add);

  /// Pages are counted from the first byte of the code, which begins a page.
  static constexpr std::size_t page_bytes = 4096;
  bool is_changed(std::size_t page) const { return changed_pages_[page]; }

  /// The size in bytes of the room for the thunks of `calls` system calls. The room begins at a
  /// multiple of 8, and is less than 2 GiB from the code.
  static constexpr std::size_t room_bytes(std::size_t calls);

 private:
  static constexpr std::size_t gate_bytes = 8;    // address of the gate
  static constexpr std::size_t thunk_bytes = 40;  // moved instruction, mov, lea, lea, jmp

  /// A range of bytes, by offset from the start of the code.
  struct Piece {
    std::uint32_t at;
    std::uint8_t length;
  };

  /// The offset at which to put the jump to the thunk: the instruction itself, or a free island.
  std::optional<std::size_t> place_for_jump(Piece instruction);
  void make_thunk(std::byte* at, std::uint64_t address, Piece instruction, std::uint64_t gate_at,
                  std::uint32_t add);
  void put_jump(std::size_t at, std::uint64_t to);
  void note_change(std::size_t at) { changed_pages_[at / page_bytes] = true; }

  Code all_;
  Code rest_;
  Fs fs_;
  Instruction last_{};                  // the one before `rest_`; length 0: none
  std::vector<Piece> before_calls_;     // the instructions before system calls
  std::vector<std::uint32_t> islands_;  // ascending
  std::vector<bool> changed_pages_;
  std::size_t changed_ = 0;
  std::optional<Refusal> refusal_;
};

constexpr std::size_t Rewriter::room_bytes(std::size_t calls) {
  return gate_bytes + calls * thunk_bytes;
}

}  // namespace trap
