// Programs that were not built for this machine, made to run on it by changing their instructions.
//
// Where fs is and stays the kernel's (Segments::rewrite), a program's thread-local storage is found
// through gs: an instruction's byte that says fs becomes the one that says gs. No instruction
// becomes longer or shorter, and one byte is written at once.
//
// A `syscall` is caught by the host (trap/syscall_instruction.h), which takes a signal's time. The
// instruction before it, if it does the same elsewhere, makes room for a jump to the gate:
//
//     mov $n, %eax        5 bytes or more   ──▶   jmp thunk
//     syscall             2 bytes                 syscall         as it was, for who jumps to it
//   back:
//                                          thunk: mov $n, %eax    the instruction
//                                                 mov %eax, %eax; lea add(%rax), %rax
//                                                 lea back, %rcx
//                                                 jmp *gate
//
// which leaves the stack, the red zone and the flags alone as `syscall` does, and rcx with what
// `syscall` leaves there. If it is shorter (xor %eax, %eax), two bytes of it become a jump to an
// *island* less than 128 bytes away, and that jumps to the thunk: the long nop by which a compiler
// has aligned what follows a `ret` or a `jmp`, which nobody ever gets to.
//
// All of this is done to a copy that nobody executes; who puts it in the program's place sees to it
// that no hart executes there meanwhile.
#pragma once

#include <trap/instruction.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace trap {

/// Code to be changed: a view of it that may be written, and where the program has it.
struct Code {
  std::span<std::byte> bytes;
  std::uint64_t address;

  Code from(std::uint64_t at) const { return {bytes.subspan(at - address), at}; }
};

/// An instruction that is not understood, or that a program must not have.
struct Refusal {
  std::uint64_t address;
  std::array<std::byte, longest_instruction> bytes;
  std::size_t size;  ///< of bytes that there are
};

/// Goes through a piece of code, up to its end or to the first
/// instruction that is refused. Zeros between functions are skipped.
class Rewriter {
 public:
  enum class Fs : std::uint8_t {
    stays,       ///< only system calls are looked for
    becomes_gs,  ///< and a use of gs is refused: it would find what is fs's
    mostly_is,   ///< the same, of code that has been gone through before: uses of gs are what came
                 ///< of it
  };
  /// `first`: where its first instruction is.
  Rewriter(Code code, std::uint64_t first, Fs fs);

  /// Goes on for so many bytes at least; true if there is more.
  bool step(std::size_t bytes);

  /// How many instructions have been changed from fs to gs.
  std::size_t changed() const { return changed_; }
  /// Where it stands: everything below is understood.
  std::uint64_t understood_end() const { return rest_.address; }
  /// What it ended with.
  const std::optional<Refusal>& refusal() const { return refusal_; }

  /// How many system calls may become jumps; and makes them that, as far as there is room. To their
  /// numbers, `add` is added.
  std::size_t system_calls() const { return before_calls_.size(); }
  void patch_system_calls(Code room, std::uint64_t jump_gate, std::uint32_t add);

  /// The code in pages, counted from its first byte, which begins one.
  static constexpr std::size_t page_bytes = 4096;
  bool is_changed(std::size_t page) const { return changed_pages_[page]; }

  /// Of the room, for so many system calls; it begins at a multiple of 8 and is less than 2 GiB
  /// from the code.
  static constexpr std::size_t room_bytes(std::size_t calls);

 private:
  static constexpr std::size_t gate_bytes = 8;    // its address
  static constexpr std::size_t thunk_bytes = 40;  // the instruction, mov, lea, lea, jmp

  /// Some bytes, counted from the first of all.
  struct Piece {
    std::uint32_t at;
    std::uint8_t length;
  };

  /// Where a jump to the thunk goes: the instruction's own place, or an island that is not taken.
  std::optional<std::size_t> place_for_jump(Piece instruction);
  void make_thunk(std::byte* at, std::uint64_t address, Piece instruction, std::uint64_t gate_at,
                  std::uint32_t add);
  void put_jump(std::size_t at, std::uint64_t to);
  void note_change(std::size_t at) { changed_pages_[at / page_bytes] = true; }

  Code all_;
  Code rest_;
  Fs fs_;
  Instruction last_{};                  // before `rest_`; of length 0: none
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
