// The registers of a user thread that is not running, and how the system call ABI uses them. For
// the registers' names see the RISC-V unprivileged specification, chapter 25.
#pragma once

#include <trap/cause.h>
#include <trap/vector_state.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

/// All that a program can see of a hart. `f`, `fcsr` and `vectors` are current only if no hart
/// holds this context's registers of these kinds (trap/fpu.h).
struct UserContext {
  std::array<std::uint64_t, 32> x{};  ///< integer registers by number; x[0] is never read
  std::uint64_t pc = 0;

  /// scause of the last trap, which the trap entry stores, or the Cause of a later simulated trap.
  std::uint64_t cause = static_cast<std::uint64_t>(Cause::first_instruction);

  // Where the kernel continues when this program traps. Valid while the program runs.
  std::uint64_t kernel_sp = 0;
  std::uint64_t kernel_tp = 0;
  std::uint64_t kernel_pc = 0;

  std::uint32_t fcsr = 0;
  /// How often fpu::switch_to() may still load the floating-point registers before an instruction
  /// needs them.
  std::uint8_t early_loads = 0;
  /// Whether a trap has loaded the floating-point registers for this context, or for one that it
  /// is a copy of.
  bool has_used_floating = false;
  std::array<std::uint64_t, 32> f{};

  // The two address spaces, as satp values; only the trampoline path uses them.
  std::uint64_t user_translation = 0;
  std::uint64_t kernel_translation = 0;

  VectorStateHolder vectors;

  static constexpr std::uint64_t syscall_cause = 8;

  enum Register { ra = 1, sp = 2, gp = 3, tp = 4, a0 = 10, a6 = 16, a7 = 17 };

  /// Any hart may read it, also while the program runs on another hart.
  std::uint64_t last_cause() const { return __atomic_load_n(&cause, __ATOMIC_RELAXED); }
  /// Whether the thread last left user mode by a system call.
  bool was_left_by_call() const { return last_cause() == syscall_cause; }
  void set_cause(Cause simulated) {
    __atomic_store_n(&cause, static_cast<std::uint64_t>(simulated), __ATOMIC_RELAXED);
  }

  std::uint64_t syscall_number() const { return x[a7]; }
  const std::uint64_t* syscall_arguments() const { return &x[a0]; }  ///< seven, in a0 … a6
  void set_syscall_result(std::uint64_t value) { x[a0] = value; }
  /// The result, unless the program has changed a0 since.
  std::uint64_t syscall_result() const { return x[a0]; }

  /// `ecall` has no compressed form: the next instruction is 4 bytes later.
  void skip_syscall_instruction() { pc += 4; }
  void go_back_to_syscall_instruction() { pc -= 4; }

  std::uint64_t program_counter() const { return pc; }
  void set_program_counter(std::uint64_t address) { pc = address; }
  void set_stack(std::uint64_t address) { x[sp] = address; }
  std::uint64_t stack() const { return x[sp]; }
  std::uint64_t return_address() const { return x[ra]; }
  /// Makes the program continue with the call `entry(first, second)` on `stack`, in the default
  /// floating-point mode. No hart may hold its floating-point registers (trap::fpu::drop).
  void call(std::uint64_t entry, std::uint64_t stack, std::uint64_t first, std::uint64_t second) {
    pc = entry;
    x[sp] = stack;
    x[a0] = first;
    x[a0 + 1] = second;
    fcsr = 0;
  }
  /// Takes the program's registers and program counter from `other`, which loses its vector
  /// registers. If it has none, this context keeps its own. No hart may hold registers of either.
  void take_registers(UserContext& other) {
    x = other.x;
    pc = other.pc;
    fcsr = other.fcsr;
    f = other.f;
    vectors.take(other.vectors);
  }
  std::uint64_t thread_pointer() const { return x[tp]; }
  void set_thread_pointer(std::uint64_t address) { x[tp] = address; }
};

static_assert(offsetof(UserContext, x) == CONTEXT_X(0));
static_assert(offsetof(UserContext, pc) == CONTEXT_PC);
static_assert(offsetof(UserContext, cause) == CONTEXT_CAUSE);
static_assert(offsetof(UserContext, kernel_sp) == CONTEXT_KERNEL_SP);
static_assert(offsetof(UserContext, kernel_tp) == CONTEXT_KERNEL_TP);
static_assert(offsetof(UserContext, kernel_pc) == CONTEXT_KERNEL_PC);
static_assert(offsetof(UserContext, fcsr) == CONTEXT_FCSR);
static_assert(offsetof(UserContext, f) == CONTEXT_F(0));
static_assert(offsetof(UserContext, user_translation) == CONTEXT_USER_TRANSLATION);
static_assert(offsetof(UserContext, kernel_translation) == CONTEXT_KERNEL_TRANSLATION);
static_assert(offsetof(UserContext, vectors) == CONTEXT_VECTORS);
static_assert(sizeof(UserContext) == CONTEXT_SIZE);

}  // namespace trap
