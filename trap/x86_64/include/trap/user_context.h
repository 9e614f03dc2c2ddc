// A user thread's registers while it is not running, and how the system call ABI uses them: as
// Linux's on x86_64 does (number in rax; arguments in rdi, rsi, rdx, r10, r8, r9; result in rax).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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
  /// Which of the two bases a program has depends on the mode (trap/segments.h). Addresses of the
  /// lower half: whoever sets them for a program has looked.
  std::uint64_t fsbase = 0;
  std::uint64_t gsbase = 0;

  bool operator==(const GeneralRegs&) const = default;
};

/// x87, SSE and AVX registers in the processor's own format (XSAVE's standard one), which begins at
/// a multiple of 64 inside. A new one has every register as the processor's reset leaves it.
class VectorState {
 public:
  static constexpr std::size_t size = STATE_SIZE;  ///< up to AVX-512's registers

  VectorState() { set_usual_modes(); }
  void set_usual_modes() {
    constexpr std::uint16_t fcw = 0x37f;     // all x87 exceptions masked, 64 bits of precision
    constexpr std::uint32_t mxcsr = 0x1f80;  // all SSE exceptions masked, to nearest
    std::memcpy(data() + STATE_FCW, &fcw, sizeof fcw);
    std::memcpy(data() + STATE_MXCSR, &mxcsr, sizeof mxcsr);
  }
  VectorState(const VectorState& other) { *this = other; }
  VectorState& operator=(const VectorState& other) {
    if (this != &other) std::memcpy(data(), other.data(), size);
    return *this;
  }

  std::byte* data() { return storage_ + offset(); }
  const std::byte* data() const { return storage_ + offset(); }

 private:
  // Not alignas(64): contexts are locals of coroutines, too, whose frames promise 16 bytes.
  static constexpr std::size_t room = STATE_ALIGNMENT - 16;
  std::size_t offset() const {
    return -reinterpret_cast<std::uintptr_t>(storage_) % STATE_ALIGNMENT;
  }
  alignas(16) std::byte storage_[size + room]{};
};

/// Everything a user program can see of a hart.
struct UserContext {
  GeneralRegs general;

  /// Why user mode was left last: gate_call, or an exception's vector as the processor numbers it,
  /// or one of the others below.
  std::uint64_t trap_num = 0;
  std::uint64_t error_code = 0;  ///< … as the processor pushes it for some exceptions
  static constexpr std::uint64_t gate_call = GATE_TRAP_NUM;
  static constexpr std::uint64_t asynchronous = 0x101;  ///< an interrupt: nothing it did
  static constexpr std::uint64_t instruction = 0x102;   ///< a `syscall` that was caught

  /// Why the kernel enters it of its own accord; the machine has no use for it.
  std::uint64_t cause = entered_first;
  static constexpr std::uint64_t entered_first = 0x1000;    ///< a new thread's first instruction
  static constexpr std::uint64_t entered_program = 0x1001;  ///< another program's, after execve

  /// Which vector registers a call of the gate keeps: bits of XCR0. The control words (mxcsr,
  /// x87's) are always kept, and whatever this says all of it is when an interrupt, a fault or a
  /// caught `syscall` ends run_user.
  enum Vectors : std::uint32_t {
    none = VECTORS_NONE,  ///< to the program the gate is the call of a C function
    sse = VECTORS_SSE,    ///< xmm0 … xmm15: programs for every x86_64, which know of no others
    all = VECTORS_ALL,    ///< programs that use AVX, or x87's registers across the call
  };
  std::uint32_t kept = sse;
  /// Which of them `vectors` holds, and the next run_user loads.
  std::uint32_t saved = all;
  VectorState vectors;

  /// By value: the registers do not stand in the order of the arguments.
  struct Arguments {
    std::array<std::uint64_t, 6> values;
    operator const std::uint64_t*() const { return values.data(); }
  };
  std::uint64_t syscall_number() const { return general.rax; }
  Arguments syscall_arguments() const {
    return {{general.rdi, general.rsi, general.rdx, general.r10, general.r8, general.r9}};
  }
  void set_syscall_result(std::uint64_t value) { general.rax = value; }
  std::uint64_t syscall_result() const {
    return general.rax;
  }  ///< or what the program has made of it
  /// rip is behind the call already.
  void skip_syscall_instruction() {}
  void go_back_to_syscall_instruction() {}  // nor is there a fast path that would have it again

  /// The program's next instruction is the first of `entry(first, second)`, on that stack, which
  /// looks as if it had been called, and with the floating-point modes that functions expect.
  void call(std::uint64_t entry, std::uint64_t stack, std::uint64_t first, std::uint64_t second) {
    constexpr std::uint64_t return_address_bytes = 8, direction_flag = 0x400;
    general.rip = entry;
    general.rsp = stack - return_address_bytes;
    general.rdi = first;
    general.rsi = second;
    general.rflags &= ~direction_flag;
    vectors.set_usual_modes();
  }
  /// All that is the program's becomes what it was in `other`.
  void take_registers(const UserContext& other) {
    general = other.general;
    kept = other.kept;
    saved = other.saved;
    vectors = other.vectors;
  }
  void set_stack(std::uint64_t address) { general.rsp = address; }
  std::uint64_t stack() const { return general.rsp; }
  void set_thread_pointer(std::uint64_t address) { general.fsbase = address; }
  /// It is somewhere on the stack.
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
