// What a program finds on its stack while it runs a signal handler, in the layout of Linux: what
// the handler learns of the signal, and the registers to which it returns (Linux,
// arch/x86/include/asm/sigframe.h and arch/x86/include/uapi/asm/sigcontext.h).
//
//     low addresses                                                        high addresses
//     ┌─────────────────────────────┬────────────────────┬──────────┬──────────────────┐
//     │ SignalFrame: context, info  │ vector registers,  │ red zone │ the stack before │
//     └─────────────────────────────┴ as XSAVE has them ─┴──────────┴──────────────────┘
//     the stack pointer of the handler
#pragma once

#include <abi/numbers.h>
#include <abi/signal.h>
#include <abi/x86_64.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace trap {

struct SignalFrame {
  /// The handler's third argument (ucontext_t).
  struct Context {
    std::uint64_t flags = has_xsave_state | has_ss | has_right_ss;
    std::uint64_t link = 0;
    abi::SignalStack stack{};
    UserContext::SignalRegisters registers{};
    std::uint16_t cs = 0, gs = 0, fs = 0, ss = 0;
    std::uint64_t error_code = 0, vector = 0;  // of an exception
    std::uint64_t old_mask = 0;
    std::uint64_t fault_address = 0;
    std::uint64_t vectors_at = 0;  // 0: there are none
    std::array<std::uint64_t, 8> reserved{};
    abi::SignalSet mask = 0;
  };
  static constexpr std::uint64_t has_xsave_state = 1, has_ss = 2, has_right_ss = 4;

  std::uint64_t return_address = 0;
  Context context{};
  abi::PaddedSignalInfo info{};

  /// The most bytes that a frame takes, with what is behind it (AT_MINSIGSTKSZ).
  static constexpr std::size_t most_bytes() {
    return sizeof(SignalFrame) + vectors_bytes + vectors_alignment + red_zone;
  }
  /// The highest place for a frame below `top`. `is_new_stack`: nothing of the program is below
  /// `top`, not even a red zone.
  static std::uintptr_t below(std::uintptr_t top, bool is_new_stack, const UserContext&) {
    if (top < most_bytes()) return 0;
    const std::uintptr_t end = is_new_stack ? top : top - red_zone;
    const std::uintptr_t vectors = (end - vectors_bytes) & ~(vectors_alignment - 1);
    return vectors - sizeof(SignalFrame);
  }

  /// Creates a frame at `place`, which the program has at the address `at`. The registers return to
  /// `registers`, the stack for handlers and the mask to these values.
  static SignalFrame* create(void* place, std::uintptr_t at, const abi::SignalInfo& info,
                             const UserContext& registers, const abi::SignalStack& stack,
                             abi::SignalSet mask) {
    const bool is_fault = info.code > 0 && info.code < abi::si_kernel;
    return new (place) SignalFrame{
        .context = {.stack = stack,
                    .registers = registers.signal_registers(),
                    .cs = user_code,
                    .ss = user_data,
                    .error_code = registers.error_code,
                    .vector = registers.last_cause() < exceptions ? registers.last_cause() : 0,
                    .fault_address = is_fault ? info.address : 0,
                    .vectors_at = at + sizeof(SignalFrame),
                    .mask = mask},
        .info = {.info = info, .zeros = {}}};
  }
  /// Writes the vector registers behind the frame. Calls copy(address, from, bytes) -> bool, and
  /// returns false if that does. No hart holds them, here and below (trap::fpu::release).
  template <class Copy>
  bool save_vectors(const UserContext& registers, std::uintptr_t at, Copy&& copy) {
    const std::byte* const state = registers.vectors.data();
    const std::uintptr_t to = at + sizeof(SignalFrame);
    const Description description{};
    constexpr std::size_t behind = description_at + sizeof description;
    constexpr std::uint32_t end = end_magic;
    return copy(to, state, description_at) &&
           copy(to + description_at, &description, sizeof description) &&
           copy(to + behind, state + behind, VectorState::size - behind) &&
           copy(to + VectorState::size, &end, sizeof end);
  }
  /// The reverse of both, for rt_sigreturn. A program may have changed every member, and may change
  /// them meanwhile. Calls read(to, address, bytes) -> bool. Returns false if that does.
  template <class Read>
  bool load(UserContext& registers, std::uintptr_t, Read&& read) const {
    registers.load_signal_registers(context.registers);
    const std::uintptr_t from = context.vectors_at;
    VectorState& vectors = registers.vectors;
    if (from == 0) {
      vectors.reset();
      return true;
    }
    Description description;
    if (!read(&description, from + description_at, sizeof description)) return false;
    const bool is_whole =
        description.magic == begin_magic && description.bytes == VectorState::size;
    const bool is_read =
        read(vectors.data(), from, is_whole ? VectorState::size : VectorState::legacy_size);
    vectors.make_loadable(is_whole);
    return is_read;
  }

  /// Makes the program continue with the handler, and that return to `returns_to`. `at`: the
  /// frame's address. Ends single steps, and sets the default floating-point modes.
  void call(UserContext& registers, std::uintptr_t handler, std::uintptr_t at, int signal,
            std::uintptr_t returns_to) {
    return_address = returns_to;
    registers.call_handler(handler, at, static_cast<std::uint64_t>(signal),
                           at + offsetof(SignalFrame, info), at + offsetof(SignalFrame, context));
  }
  /// The frame's address at rt_sigreturn: the handler's `ret` has popped the return address.
  static std::uintptr_t address(const UserContext& registers) {
    return registers.stack() - sizeof return_address;
  }

 private:
  /// Describes the size and the components of the XSAVE area, in bytes of it that XSAVE leaves free
  /// (struct _fpx_sw_bytes).
  struct Description {
    std::uint32_t magic = begin_magic;
    std::uint32_t bytes_with_end = vectors_bytes;
    std::uint64_t components = UserContext::all_components;
    std::uint32_t bytes = VectorState::size;
    std::array<std::uint32_t, 7> padding{};
  };
  static constexpr std::uint32_t begin_magic = 0x46505853, end_magic = 0x46505845;
  static constexpr std::size_t description_at = 464;
  static constexpr std::size_t vectors_bytes = VectorState::size + sizeof(std::uint32_t);
  static constexpr std::size_t vectors_alignment = 64;
  static constexpr std::size_t red_zone = 128;
  static constexpr std::uint64_t exceptions = 32;  // vectors below are exceptions
  static constexpr std::uint16_t user_code = 0x33, user_data = 0x2b;  // Linux's selectors
};
static_assert(offsetof(SignalFrame, context.registers) == 8 + 40);
static_assert(offsetof(SignalFrame, context.vectors_at) == 8 + 40 + 184);
static_assert(offsetof(SignalFrame, context.mask) == 8 + 40 + 256);
static_assert(sizeof(SignalFrame) == 440);
static_assert(sizeof(SignalFrame) % 16 == 8, "the frame of a function begins 8 bytes below 16");

/// The call that the program has made, or the generic one that does the same. For the decision how
/// a signal ends it.
constexpr abi::Call call_of(const UserContext& registers) {
  namespace x86_64 = abi::x86_64;
  const std::uint64_t number = registers.syscall_number();
  if (number < abi::first_compat_call) return static_cast<abi::Call>(number);
  const std::uint64_t own = number - abi::first_compat_call;
  if (const auto same = x86_64::generic(own)) return *same;
  switch (own) {
    case x86_64::call_poll: return abi::Call::ppoll;
    case x86_64::call_epoll_wait:
    case x86_64::call_epoll_pwait:
    case x86_64::call_epoll_pwait2: return abi::Call::epoll_pwait;
    case x86_64::call_pause: return abi::Call::rt_sigsuspend;
    case x86_64::call_open:
    case x86_64::call_creat: return abi::Call::openat;
    case x86_64::call_fork:
    case x86_64::call_vfork:
    case x86_64::call_clone: return abi::Call::clone;
    default: return abi::Call{};  // no call that waits
  }
}

inline constexpr int illegal_instruction_code = abi::ill_illopn;  // `si_code` of SIGILL

/// `si_code` of the signal of an exception. 0: the page that the program accessed determines it.
/// With SI_KERNEL the signal has no address (Linux 6.12, arch/x86/kernel/traps.c).
constexpr int code_of_exception(const Trap& trap) {
  switch (trap.kind) {
    case Trap::illegal_instruction: return illegal_instruction_code;
    case Trap::breakpoint: return trap.cause == 1 ? abi::trap_trace : abi::si_kernel;
    case Trap::misaligned: return abi::bus_adraln;
    case Trap::arithmetic: return static_cast<int>(trap.address);
    case Trap::page_fault: return 0;
    default: return abi::si_kernel;
  }
}
/// Whether the exception is a stack fault, which sends SIGBUS: an access of the stack at a
/// non-canonical address.
constexpr bool is_bus_error(const Trap& trap) {
  constexpr std::uint32_t stack_fault = 12;
  return trap.cause == stack_fault;
}

/// How a program returns from a handler: the kernel maps these instructions for it.
inline auto signal_return_code() {
  return UserContext::signal_return_code();
}

}  // namespace trap
