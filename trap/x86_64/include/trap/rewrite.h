// Programs that were not built for this machine, made to run on it by changing their instructions.
//
// Where fs is and stays the kernel's (Segments::rewrite), a program's thread-local storage is found
// through gs: an instruction's byte that says fs becomes the one that says gs. No instruction
// becomes longer or shorter, and one byte is written at once.
//
// A `syscall` is caught by the host (trap/syscall_instruction.h), which takes a signal's time.
// Where the compiler has put its number directly before it,
//
//     mov $n, %eax        5 bytes   ──▶   jmp thunk
//     syscall             2 bytes         syscall              as it was, for who jumps to it
//   back:                                                 thunk: mov $n, %eax
//                                                                lea back, %rcx
//                                                                jmp *gate
//
// it becomes a jump to the gate, which leaves the stack and the red zone alone as `syscall` does,
// and rcx with what `syscall` leaves there.
#pragma once

#include <trap/instruction.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

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

/// Changes the one instruction that `code` begins with, at which a program has faulted: true if it
/// is another now.
std::expected<bool, Refusal> rewrite_instruction(Code code);

/// Changes all instructions of `code`, which begins with one: before a program runs it. Returns how
/// many it has changed. When one is refused, none is changed. Zeros between functions are skipped.
std::expected<std::size_t, Refusal> rewrite_all(Code code);

/// Room for thunks, near enough to the code that uses them: within 2 GiB.
class Thunks {
 public:
  static constexpr std::size_t size =
      24;  ///< of each; the room has one thunk less than it has space

  /// `room` begins at a multiple of 8; programs can read and execute it.
  Thunks(Code room, std::uint64_t jump_gate);

  enum class Result : std::uint8_t {
    patched,
    no_constant,  ///< its number is not put into eax by the instruction before it
    unsafe,       ///< that cannot be changed at once: it is not in eight bytes of one cache line
    too_far,
    full,
  };
  /// Patches the `syscall` at `address` in `code`, which begins with an instruction.
  Result patch(Code code, std::uint64_t address);

 private:
  Code room_;
  std::size_t used_ = 8;  // the gate's address
};

}  // namespace trap
