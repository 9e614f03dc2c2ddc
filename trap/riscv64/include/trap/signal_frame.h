// What a program finds on its stack while it runs a signal handler, in the layout of Linux: what
// the handler learns of the signal, and the registers to which it returns (Linux,
// arch/riscv/kernel/signal.c and arch/riscv/include/uapi/asm/sigcontext.h).
//
//     low addresses                                                      high addresses
//     ┌─────────────────────────────┬──────────────────────────────────┬──────────────────┐
//     │ SignalFrame: info, context  │ SignalVectors, vector registers  │ the stack before │
//     └─────────────────────────────┴──────────────────────────────────┴──────────────────┘
//     the stack pointer of the handler     only if there are any
#pragma once

#include <abi/numbers.h>
#include <abi/signal.h>
#include <hal/machine/vectors.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace trap {

/// Precedes the saved vector registers (struct __riscv_v_ext_state).
struct SignalVectors {
  std::uint64_t vstart = 0, vl = 0, vtype = 0, vcsr = 0;
  std::uint64_t register_bytes = 0;  ///< of one register
  std::uint64_t registers_at = 0;    ///< the address of the registers, directly behind this
};

struct SignalFrame {
  /// The handler's third argument (ucontext_t).
  struct Context {
    std::uint64_t flags, link;
    abi::SignalStack stack;
    abi::SignalSet mask;
    std::array<std::uint64_t, 16> unused;
    alignas(16) std::array<std::uint64_t, 32> x;  // x[0] is the program counter
    std::array<std::uint64_t, 32> f;
    std::uint32_t fcsr;
    std::uint32_t padding;
    std::array<std::uint64_t, 31> more_padding;
    std::uint64_t zero;
    // The header of what follows the frame: SignalVectors, or nothing.
    std::uint32_t follows;
    std::uint32_t follows_bytes;  ///< with the header
  };
  static constexpr std::uint32_t vectors_follow = 0x53465457;  // RISCV_V_MAGIC
  static constexpr std::size_t header_bytes = 8;               // of what follows

  abi::PaddedSignalInfo info;
  Context context;

  /// The most bytes of a frame and of the vector registers behind it (AT_MINSIGSTKSZ).
  static std::size_t most_bytes() {
    if (hal::riscv64::bytes_of_vector_register() == 0) return sizeof(SignalFrame);
    const std::size_t registers = VectorStateHolder::bytes() - sizeof(VectorState);
    return sizeof(SignalFrame) + sizeof(SignalVectors) + registers + header_bytes;
  }
  /// The highest place for a frame below `top`; 0: there is none. No hart holds floating-point or
  /// vector registers of `registers`, here and below (trap::fpu::release).
  static std::uintptr_t below(std::uintptr_t top, bool, const UserContext& registers) {
    const std::span vectors = saved_vectors(registers);
    const std::size_t behind =
        vectors.empty() ? 0 : sizeof(SignalVectors) + vectors.size() + header_bytes;
    const std::size_t bytes = sizeof(SignalFrame) + behind;
    return top < bytes ? 0 : (top - bytes) & ~std::uintptr_t{15};
  }
  /// Creates a frame at `place`, which the program has at the address `at`. The registers return to
  /// `registers`, the stack for handlers and the mask to these values. No vector registers follow
  /// until save_vectors(). As on Linux, the padding keeps what the program's stack had there.
  static SignalFrame* create(void* place, std::uintptr_t, const abi::SignalInfo& info,
                             const UserContext& registers, const abi::SignalStack& stack,
                             abi::SignalSet mask) {
    auto* const frame = new (place) SignalFrame;
    copy(frame->info.info, info);
    __builtin_memset_inline(&frame->info.zeros, 0, sizeof frame->info.zeros);
    Context& context = frame->context;
    context.stack = stack;
    context.mask = mask;
    copy(context.x, registers.x);
    context.x[0] = registers.pc;
    copy(context.f, registers.f);
    context.fcsr = registers.fcsr;
    context.flags = context.link = context.zero = 0;
    context.follows = context.follows_bytes = 0;
    return frame;
  }
  /// Writes the vector registers behind the frame, if there are any. Calls write(address, from,
  /// bytes) -> bool, and returns false if that does.
  template <class Write>
  bool save_vectors(const UserContext& registers, std::uintptr_t at, Write&& write) {
    const std::span bytes = saved_vectors(registers);
    return bytes.empty() || save(bytes, registers, at, write);
  }
  /// The reverse of create() and save_vectors(), for rt_sigreturn. The program may have changed all
  /// members, and may change them during this call. Calls read(to, address, bytes) -> bool. Returns
  /// false if that does, or if the vector registers are not those of this machine.
  template <class Read>
  bool load(UserContext& registers, std::uintptr_t at, Read&& read) const {
    copy(registers.x, context.x);
    registers.pc = registers.x[0];
    copy(registers.f, context.f);
    registers.fcsr = context.fcsr & 0xff;
    VectorState* const state = registers.vectors.get();
    if (state != nullptr) state->contents = VectorState::ones;
    return context.follows != vectors_follow || load_vectors(registers, at, read);
  }

  /// Makes the program continue with the handler. `at`: the frame's address.
  void call(UserContext& registers, std::uintptr_t handler, std::uintptr_t at, int signal,
            std::uintptr_t returns_to) {
    registers.pc = handler;
    registers.x[UserContext::ra] = returns_to;
    registers.x[UserContext::sp] = at;
    registers.x[UserContext::a0] = static_cast<std::uint64_t>(signal);
    registers.x[UserContext::a0 + 1] = at + offsetof(SignalFrame, info);
    registers.x[UserContext::a0 + 2] = at + offsetof(SignalFrame, context);
  }

  /// The frame's address when the handler has returned.
  static std::uintptr_t address(const UserContext& registers) { return registers.stack(); }

 private:
  static constexpr std::size_t vector_register_count = 32;

  template <class Write>
  [[gnu::cold, gnu::noinline]] bool save(std::span<const std::byte> bytes,
                                         const UserContext& registers, std::uintptr_t at,
                                         Write& write) {
    const VectorState& state = *registers.vectors.get();
    const std::uintptr_t vectors_at = at + sizeof(SignalFrame);
    const SignalVectors vectors{.vstart = state.vstart,
                                .vl = state.vl,
                                .vtype = state.vtype,
                                .vcsr = state.vcsr,
                                .register_bytes = bytes.size() / vector_register_count,
                                .registers_at = vectors_at + sizeof(SignalVectors)};
    constexpr std::array<std::byte, header_bytes> end{};
    context.follows = vectors_follow;
    context.follows_bytes =
        static_cast<std::uint32_t>(header_bytes + sizeof vectors + bytes.size());
    return write(vectors_at, &vectors, sizeof vectors) &&
           write(vectors.registers_at, bytes.data(), bytes.size()) &&
           write(vectors.registers_at + bytes.size(), end.data(), end.size());
  }

  template <class Read>
  [[gnu::cold, gnu::noinline]] static bool load_vectors(UserContext& registers, std::uintptr_t at,
                                                        Read& read) {
    VectorState* const state = registers.vectors.get();
    const std::size_t bytes = VectorStateHolder::bytes() - sizeof(VectorState);
    const std::uintptr_t vectors_at = at + sizeof(SignalFrame);
    SignalVectors vectors;
    if (state == nullptr || !read(&vectors, vectors_at, sizeof vectors) ||
        vectors.register_bytes != bytes / vector_register_count ||
        !read(state->registers, vectors_at + sizeof vectors, bytes)) {
      return false;
    }
    state->vstart = vectors.vstart;
    state->vl = vectors.vl;
    state->vtype = vectors.vtype;
    state->vcsr = vectors.vcsr & 7;
    state->contents = VectorState::saved;
    return true;
  }

  // Inlined: with a call of memcpy() a frame would take a third longer.
  template <class T>
  static void copy(T& to, const T& from) {
    __builtin_memcpy_inline(&to, &from, sizeof to);
  }

  /// Empty: the context has no values of its own in vector registers.
  static std::span<const std::byte> saved_vectors(const UserContext& registers) {
    const VectorState* const state = registers.vectors.get();
    if (state == nullptr || state->contents != VectorState::saved) return {};
    return {state->registers, VectorStateHolder::bytes() - sizeof(VectorState)};
  }
};
static_assert(offsetof(SignalFrame, context.stack) == 128 + 16);
static_assert(offsetof(SignalFrame, context.mask) == 128 + 40);
static_assert(offsetof(SignalFrame, context.x) == 128 + 176);
static_assert(offsetof(SignalFrame, context.f) == 128 + 176 + 256);
static_assert(offsetof(SignalFrame, context.fcsr) == 128 + 176 + 512);
static_assert(offsetof(SignalFrame, context.follows) == 128 + 176 + 256 + 520);
static_assert(sizeof(SignalFrame) == 1088);

/// The call that the program has made. For the decision how a signal ends it.
constexpr abi::Call call_of(const UserContext& registers) {
  return static_cast<abi::Call>(registers.syscall_number());
}

inline constexpr int illegal_instruction_code = abi::ill_illopc;  // `si_code` of SIGILL

/// `si_code` of the signal of an exception. 0: the page that the program accessed determines it.
constexpr int code_of_exception(const Trap& trap) {
  switch (trap.kind) {
    case Trap::illegal_instruction: return illegal_instruction_code;
    case Trap::breakpoint: return abi::trap_brkpt;
    case Trap::misaligned: return abi::bus_adraln;
    default: return 0;
  }
}
/// Whether an exception that is neither a page fault nor misaligned sends SIGBUS.
constexpr bool is_bus_error(const Trap&) {
  return false;
}

/// How a program returns from a handler: the kernel maps these instructions for it. An unwinder
/// recognises them.
constexpr std::array<std::uint32_t, 2> signal_return_code() {
  return {0x08b00893,   // li a7, 139 (rt_sigreturn)
          0x00000073};  // ecall
}

}  // namespace trap
