// The registers of a user thread that is not running, and how the system call ABI uses them. The
// ABI is Linux's for x86_64: number in rax; arguments in rdi, rsi, rdx, r10, r8, r9; result in rax.
// A private call may have a seventh argument, in rbx.
//
// The end of the registers is the stack on which the processor pushes the state of the program when
// an interrupt or an exception stops it.
#pragma once

#include <hal/memory_map.h>
#include <trap/cause.h>
#include <trap/vector_state.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

/// All that a program can see of a hart. `vectors` is current only if no hart holds this context's
/// vector registers (trap/fpu.h).
struct alignas(CONTEXT_ALIGNMENT) UserContext {
  std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rbp = 0;
  std::uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
  std::uint64_t fsbase = 0;
  std::uint64_t gsbase = 0;
  std::uint64_t number = 0;  ///< of the last system call, as the kernel numbers them

  // Where the kernel continues when this program traps. Valid while the program runs.
  std::uint64_t kernel_rsp = 0;
  std::uint64_t kernel_fs = 0;

  std::uint64_t unused = 0;
  /// Why the thread last left user mode: the vector of an exception or interrupt, or a CAUSE_…. Or
  /// the Cause of a later simulated trap.
  std::uint64_t cause = static_cast<std::uint64_t>(Cause::first_instruction);
  std::uint64_t error_code = 0;  ///< the processor's; 0 for exceptions without one
  std::uint64_t rip = 0;
  std::uint64_t cs = 0x28 | 3;   ///< hal::pc::user_code
  std::uint64_t rflags = 0x202;  ///< interrupts are unmasked; bit 1 is always set
  std::uint64_t rsp = 0;
  std::uint64_t ss = 0x20 | 3;  ///< hal::pc::user_data

  VectorState vectors;

  /// Any hart may read it, also while the program runs on another hart.
  std::uint64_t last_cause() const { return __atomic_load_n(&cause, __ATOMIC_RELAXED); }
  /// Whether the thread last left user mode by a system call.
  bool was_left_by_call() const { return last_cause() == CAUSE_SYSCALL; }
  void set_cause(Cause simulated) {
    __atomic_store_n(&cause, static_cast<std::uint64_t>(simulated), __ATOMIC_RELAXED);
  }

  /// By value: the registers are not stored in the order of the arguments.
  struct Arguments {
    std::array<std::uint64_t, 7> values;
    operator const std::uint64_t*() const { return values.data(); }
  };
  std::uint64_t syscall_number() const { return number; }
  Arguments syscall_arguments() const { return {{rdi, rsi, rdx, r10, r8, r9, rbx}}; }
  void set_syscall_result(std::uint64_t value) { rax = value; }
  /// The result, unless the program has changed rax since.
  std::uint64_t syscall_result() const { return rax; }
  /// rip is already behind the instruction.
  void skip_syscall_instruction() {}
  /// The program makes the call again. rax still has the number.
  void go_back_to_syscall_instruction() {
    constexpr std::uint64_t instruction_bytes = 2;
    rip -= instruction_bytes;
  }

  std::uint64_t program_counter() const { return rip; }
  /// The processor refuses addresses of neither half in rip and in the base of FS. The fault would
  /// be one of the kernel, so the program gets the last address of the lower half instead.
  static constexpr std::uint64_t in_lower_half(std::uint64_t address) {
    return address < hal::lower_half_end ? address : hal::lower_half_end - 1;
  }
  void set_program_counter(std::uint64_t address) { rip = in_lower_half(address); }
  void set_stack(std::uint64_t address) { rsp = address; }
  std::uint64_t stack() const { return rsp; }
  /// Unknown: it is somewhere on the stack.
  std::uint64_t return_address() const { return 0; }
  /// Makes the program continue in `entry(first, second)` as if it had been called: rsp is 8 below
  /// `stack`. Ends single steps, and sets the default floating-point modes. No hart may hold its
  /// vector registers (trap::fpu::drop).
  void call(std::uint64_t entry, std::uint64_t stack, std::uint64_t first, std::uint64_t second) {
    constexpr std::uint64_t return_address_bytes = 8;
    constexpr std::uint64_t single_step = 1 << 8, direction = 1 << 10;
    set_program_counter(entry);
    rsp = stack - return_address_bytes;
    rdi = first;
    rsi = second;
    rflags &= ~(single_step | direction);
    vectors.set_usual_modes();
  }

  static constexpr std::uint64_t all_components = 0xe7;  ///< of the vector registers
  /// In the order of Linux's struct sigcontext.
  using SignalRegisters = std::array<std::uint64_t, 18>;
  SignalRegisters signal_registers() const {
    return {r8,  r9,  r10, r11, r12, r13, r14, r15, rdi,
            rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags};
  }
  /// The reverse, of any values.
  void load_signal_registers(const SignalRegisters& from) {
    const SignalRegisters given = from;  // read once: a program may change it
    r8 = given[0], r9 = given[1], r10 = given[2], r11 = given[3];
    r12 = given[4], r13 = given[5], r14 = given[6], r15 = given[7];
    rdi = given[8], rsi = given[9], rbp = given[10], rbx = given[11];
    rdx = given[12], rax = given[13], rcx = given[14], rsp = given[15];
    set_program_counter(given[16]);
    constexpr std::uint64_t of_program = 0x50dd5;  // AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF
    rflags = (rflags & ~of_program) | (given[17] & of_program);
  }
  /// Makes the program continue in `handler(first, second, third)`, whose return address is at
  /// `stack`. No hart may hold its vector registers.
  void call_handler(std::uint64_t handler, std::uint64_t stack, std::uint64_t first,
                    std::uint64_t second, std::uint64_t third) {
    constexpr std::uint64_t resume_flag = 1 << 16;
    call(handler, stack, first, second);
    rsp = stack;
    rdx = third;
    rax = 0;
    rflags &= ~resume_flag;
  }
  /// The program's instructions at the return from a handler. An unwinder recognises them.
  static constexpr std::array<std::uint8_t, 9> signal_return_code() {
    return {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0,  // movq $15, %rax (rt_sigreturn)
            0x0f, 0x05};                      // syscall
  }
  /// Takes the program's registers from `other`.
  void take_registers(UserContext& other) {
    const std::uint64_t own_rsp = kernel_rsp, own_fs = kernel_fs;
    *this = other;
    kernel_rsp = own_rsp;
    kernel_fs = own_fs;
  }
  std::uint64_t thread_pointer() const { return fsbase; }
  void set_thread_pointer(std::uint64_t address) { fsbase = in_lower_half(address); }
  /// The base of GS, which is the program's own.
  static constexpr bool has_gs_base = true;
  std::uint64_t gs_base() const { return gsbase; }
  void set_gs_base(std::uint64_t address) { gsbase = in_lower_half(address); }
};

static_assert(offsetof(UserContext, rax) == CONTEXT_RAX);
static_assert(offsetof(UserContext, rbx) == CONTEXT_RBX);
static_assert(offsetof(UserContext, rcx) == CONTEXT_RCX);
static_assert(offsetof(UserContext, rdx) == CONTEXT_RDX);
static_assert(offsetof(UserContext, rsi) == CONTEXT_RSI);
static_assert(offsetof(UserContext, rdi) == CONTEXT_RDI);
static_assert(offsetof(UserContext, rbp) == CONTEXT_RBP);
static_assert(offsetof(UserContext, r8) == CONTEXT_R(8));
static_assert(offsetof(UserContext, r15) == CONTEXT_R(15));
static_assert(offsetof(UserContext, fsbase) == CONTEXT_FSBASE);
static_assert(offsetof(UserContext, gsbase) == CONTEXT_GSBASE);
static_assert(offsetof(UserContext, number) == CONTEXT_NUMBER);
static_assert(offsetof(UserContext, kernel_rsp) == CONTEXT_KERNEL_RSP);
static_assert(offsetof(UserContext, kernel_fs) == CONTEXT_KERNEL_FS);
static_assert(offsetof(UserContext, cause) == CONTEXT_CAUSE);
static_assert(offsetof(UserContext, error_code) == CONTEXT_ERROR_CODE);
static_assert(offsetof(UserContext, rip) == CONTEXT_RIP);
static_assert(offsetof(UserContext, cs) == CONTEXT_CS);
static_assert(offsetof(UserContext, rflags) == CONTEXT_RFLAGS);
static_assert(offsetof(UserContext, rsp) == CONTEXT_RSP);
static_assert(offsetof(UserContext, ss) == CONTEXT_SS);
static_assert(offsetof(UserContext, vectors) == CONTEXT_FRAME_END);
static_assert(CONTEXT_FRAME_END % CONTEXT_ALIGNMENT == 0, "the processor aligns the stack");

}  // namespace trap
