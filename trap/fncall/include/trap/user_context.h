// The registers of a user thread that is not running, and how the system call ABI uses them. The
// ABI is Linux's for x86_64: number in rax; arguments in rdi, rsi, rdx, r10, r8, r9; result in rax.
// A private call may have a seventh argument, in rbx.
#pragma once

#include <trap/cause.h>
#include <trap/vector_state.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

struct GeneralRegs {
  std::uint64_t rax = 0;
  std::uint64_t rbx = 0;
  std::uint64_t rcx = 0;
  std::uint64_t rdx = 0;
  std::uint64_t rsi = 0;
  std::uint64_t rdi = 0;
  std::uint64_t rbp = 0;
  std::uint64_t rsp = 0;
  std::uint64_t r8 = 0;
  std::uint64_t r9 = 0;
  std::uint64_t r10 = 0;
  std::uint64_t r11 = 0;
  std::uint64_t r12 = 0;
  std::uint64_t r13 = 0;
  std::uint64_t r14 = 0;
  std::uint64_t r15 = 0;
  std::uint64_t rip = 0;
  std::uint64_t rflags = 0;
  /// Which of the two bases is the program's depends on the mode (trap/segments.h). Both are
  /// addresses in the lower half; the code that sets them checks this.
  std::uint64_t fsbase = 0;
  std::uint64_t gsbase = 0;

  bool operator==(const GeneralRegs&) const = default;
};

/// All registers of a user thread, and why it last left user mode or enters it.
struct UserContext {
  GeneralRegs general;

  /// Why the thread last left user mode: gate_call, the vector of an exception, or one of the
  /// values below. Or the Cause of a later simulated trap.
  std::uint64_t trap_num = static_cast<std::uint64_t>(Cause::first_instruction);
  std::uint64_t error_code = 0;  ///< the processor's error code; 0 for exceptions without one
  static constexpr std::uint64_t gate_call = GATE_TRAP_NUM;
  static constexpr std::uint64_t asynchronous = 0x101;  ///< an interrupt
  static constexpr std::uint64_t instruction = 0x102;   ///< a caught `syscall` instruction

  /// Any hart may read it, also while the program runs on another hart.
  std::uint64_t last_cause() const { return __atomic_load_n(&trap_num, __ATOMIC_RELAXED); }
  /// Whether the thread last left user mode by a system call.
  bool was_left_by_call() const {
    const std::uint64_t cause = last_cause();
    return cause == gate_call || cause == instruction;
  }
  void set_cause(Cause simulated) {
    __atomic_store_n(&trap_num, static_cast<std::uint64_t>(simulated), __ATOMIC_RELAXED);
  }

  /// The vector registers that a call of the gate preserves, as bits of XCR0. The control words
  /// (mxcsr and x87's) are always preserved. An interrupt, a fault or a caught `syscall` preserves
  /// all registers, whatever this value.
  enum Vectors : std::uint32_t {
    none = VECTORS_NONE,  ///< for programs that call the gate like a C function
    sse = VECTORS_SSE,    ///< xmm0 … xmm15: for programs built for every x86_64
    all = VECTORS_ALL,    ///< for programs that use AVX, or x87 registers across the call
  };
  std::uint32_t kept = sse;
  /// The components that `vectors` holds; the next run_user() loads them.
  std::uint32_t saved = all;
  VectorState vectors;

  /// By value: the registers are not stored in the order of the arguments.
  struct Arguments {
    std::array<std::uint64_t, 7> values;
    operator const std::uint64_t*() const { return values.data(); }
  };
  std::uint64_t syscall_number() const { return general.rax; }
  Arguments syscall_arguments() const {
    return {
        {general.rdi, general.rsi, general.rdx, general.r10, general.r8, general.r9, general.rbx}};
  }
  void set_syscall_result(std::uint64_t value) { general.rax = value; }
  /// The result, unless the program has changed rax since.
  std::uint64_t syscall_result() const { return general.rax; }
  /// rip is already behind the call.
  void skip_syscall_instruction() {}
  /// Repeats the call through the gate that takes the return address in rcx, because a call changes
  /// rcx. rax still has the number.
  void go_back_to_syscall_instruction();

  /// Makes the program continue in `entry(first, second)` as if it had been called: rsp is 8 below
  /// `stack`. Sets the default floating-point modes.
  void call(std::uint64_t entry, std::uint64_t stack, std::uint64_t first, std::uint64_t second) {
    constexpr std::uint64_t return_address_bytes = 8, direction_flag = 0x400;
    general.rip = entry;
    general.rsp = stack - return_address_bytes;
    general.rdi = first;
    general.rsi = second;
    general.rflags &= ~direction_flag;
    vectors.set_usual_modes();
  }

  static constexpr std::uint64_t all_components = all;
  /// In the order of Linux's struct sigcontext.
  using SignalRegisters = std::array<std::uint64_t, 18>;
  SignalRegisters signal_registers() const {
    const GeneralRegs& g = general;
    return {g.r8,  g.r9,  g.r10, g.r11, g.r12, g.r13, g.r14, g.r15, g.rdi,
            g.rsi, g.rbp, g.rbx, g.rdx, g.rax, g.rcx, g.rsp, g.rip, g.rflags};
  }
  /// The reverse, of any values. The next run_user() loads all vector registers.
  void load_signal_registers(const SignalRegisters& from) {
    const SignalRegisters given = from;  // read once: a program may change it
    GeneralRegs& to = general;
    to.r8 = given[0], to.r9 = given[1], to.r10 = given[2], to.r11 = given[3];
    to.r12 = given[4], to.r13 = given[5], to.r14 = given[6], to.r15 = given[7];
    to.rdi = given[8], to.rsi = given[9], to.rbp = given[10], to.rbx = given[11];
    to.rdx = given[12], to.rax = given[13], to.rcx = given[14], to.rsp = given[15];
    to.rip = given[16];
    constexpr std::uint64_t of_program = 0x50dd5;  // AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF
    to.rflags = (to.rflags & ~of_program) | (given[17] & of_program);
    saved = all;
  }
  /// Makes the program continue in `handler(first, second, third)`, whose return address is at
  /// `stack`.
  void call_handler(std::uint64_t handler, std::uint64_t stack, std::uint64_t first,
                    std::uint64_t second, std::uint64_t third) {
    call(handler, stack, first, second);
    general.rsp = stack;
    general.rdx = third;
    general.rax = 0;
  }
  /// Gives the vector registers that `saved` lacks their reset values, except for the control
  /// words.
  void complete_vectors() {
    if (saved == all) return;
    vectors.complete(saved == sse);
    saved = all;
  }
  /// The program's instructions at the return from a handler: mov $139, %eax (rt_sigreturn), mov
  /// $gate, %rcx, call *%rcx.
  static std::array<std::uint8_t, 17> signal_return_code();

  /// Takes the program's registers from `other`.
  void take_registers(UserContext& other) {
    general = other.general;
    kept = other.kept;
    saved = other.saved;
    vectors = other.vectors;
  }
  void set_stack(std::uint64_t address) { general.rsp = address; }
  std::uint64_t stack() const { return general.rsp; }
  std::uint64_t thread_pointer() const { return general.fsbase; }
  void set_thread_pointer(std::uint64_t address) { general.fsbase = address; }
  /// GS is the kernel's, or has the thread pointer (trap/segments.h): programs cannot set it.
  static constexpr bool has_gs_base = false;
  std::uint64_t gs_base() const { return 0; }
  void set_gs_base(std::uint64_t) {}
  /// Unknown: it is somewhere on the stack.
  std::uint64_t return_address() const { return 0; }
  std::uint64_t program_counter() const { return general.rip; }
  void set_program_counter(std::uint64_t address) { general.rip = address; }
};

static_assert(offsetof(GeneralRegs, rax) == CONTEXT_RAX);
static_assert(offsetof(GeneralRegs, rbx) == CONTEXT_RBX);
static_assert(offsetof(GeneralRegs, rcx) == CONTEXT_RCX);
static_assert(offsetof(GeneralRegs, rdx) == CONTEXT_RDX);
static_assert(offsetof(GeneralRegs, rsi) == CONTEXT_RSI);
static_assert(offsetof(GeneralRegs, rdi) == CONTEXT_RDI);
static_assert(offsetof(GeneralRegs, rbp) == CONTEXT_RBP);
static_assert(offsetof(GeneralRegs, rsp) == CONTEXT_RSP);
static_assert(offsetof(GeneralRegs, r8) == CONTEXT_R(8));
static_assert(offsetof(GeneralRegs, r15) == CONTEXT_R(15));
static_assert(offsetof(GeneralRegs, rip) == CONTEXT_RIP);
static_assert(offsetof(GeneralRegs, rflags) == CONTEXT_RFLAGS);
static_assert(offsetof(GeneralRegs, fsbase) == CONTEXT_FSBASE);
static_assert(offsetof(GeneralRegs, gsbase) == CONTEXT_GSBASE);
static_assert(offsetof(UserContext, general) == 0);
static_assert(offsetof(UserContext, trap_num) == CONTEXT_TRAP_NUM);
static_assert(offsetof(UserContext, error_code) == CONTEXT_ERROR_CODE);
static_assert(offsetof(UserContext, kept) == CONTEXT_KEPT);
static_assert(offsetof(UserContext, saved) == CONTEXT_SAVED);
static_assert(offsetof(UserContext, vectors) == CONTEXT_STATE);

}  // namespace trap
