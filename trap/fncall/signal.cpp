#include <asm/prctl.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <trap/emulated.h>
#include <trap/hart_record.h>
#include <trap/run_user.h>
#include <trap/segments.h>
#include <trap/signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "window.h"

// signal_entry.S: the code from cotrap_signal_entry to cotrap_signal_end.
extern "C" {
void cotrap_signal_entry();
void cotrap_signal_return();
void cotrap_signal_end();
constinit bool cotrap_is_emulated = false;  // for signal_entry.S
}
static_assert(offsetof(ucontext_t, uc_mcontext.fpregs) == FRAME_VECTORS);

// A signal may interrupt ThreadSanitizer's own code, which is not reentrant.
#pragma clang attribute push([[clang::disable_sanitizer_instrumentation]], apply_to = function)

namespace trap {
namespace {

using Handler = void (*)(Signal&);
constexpr std::size_t signals = 65;
constinit Handler handlers[signals]{};

constexpr std::uint64_t gate_trap = 0x0000'0100'0000'0000;     // GATE_TRAP in window.S
constexpr std::uint64_t abandon_trap = 0x0000'0101'0000'0002;  // ABANDON_TRAP in window.S

consteval bool same(std::uint64_t bits, Trap trap) {
  return bits == (std::uint64_t{trap.cause} << 32 | std::uint64_t(trap.access) << 8 | trap.kind);
}
static_assert(same(gate_trap, {.kind = Trap::syscall, .cause = UserContext::gate_call}));
static_assert(same(abandon_trap, {.kind = Trap::interrupt, .cause = UserContext::asynchronous}));

/// The part of the window (window.inc) that contains an address.
enum class Place : std::uint8_t { elsewhere, entering, leaving };

Place place_of(std::uint64_t rip) {
  const auto* const at = reinterpret_cast<const char*>(rip);
  const auto in = [at](const char* begin, const char* end) { return at >= begin && at < end; };
  if (in(cotrap_fs_enter_begin, cotrap_fs_enter_end)) return Place::entering;
  if (in(cotrap_gs_enter_begin, cotrap_gs_enter_end)) return Place::entering;
  if (in(cotrap_hidden_enter_begin, cotrap_hidden_enter_end)) return Place::entering;
  if (in(cotrap_fs_leave_begin, cotrap_fs_leave_end)) return Place::leaving;
  if (in(cotrap_gs_leave_begin, cotrap_gs_leave_end)) return Place::leaving;
  if (in(cotrap_hidden_leave_begin, cotrap_hidden_leave_end)) return Place::leaving;
  return Place::elsewhere;
}

/// Whether the gate of the mode `fault` has saved rax in the hart's record, and has changed nothing
/// else. If the program does not continue here, it calls the gate again, maybe on another hart.
bool is_in_hidden_gate(std::uint64_t rip) {
  return rip == std::bit_cast<std::uint64_t>(&cotrap_hidden_gate_pop);
}

/// With rflags.TF, the processor also single-steps the window, and the jump from it into the
/// program. These steps are not the program's, so they are not reported.
constinit thread_local bool stepping_to_jump = false;

bool is_step_of_window(std::uint64_t rip, Place place) {
  const bool is_jump = std::exchange(
      stepping_to_jump, rip == std::bit_cast<std::uint64_t>(&cotrap_fs_enter_jump) ||
                            rip == std::bit_cast<std::uint64_t>(&cotrap_gs_enter_jump));
  return is_jump || place != Place::elsewhere || is_in_hidden_gate(rip);
}

/// Copies the vector registers from the signal frame, which has the same format as the context.
/// Components that the frame does not have get their reset values.
void save_vectors(const ucontext_t& state, UserContext& context) {
  constexpr std::size_t legacy = STATE_XSTATE_BV;  // exists on every x86_64
  struct Note {
    std::uint32_t magic1, extended_size;
    std::uint64_t features;
    std::uint32_t size;
  } note;

  const auto* const from = reinterpret_cast<const std::byte*>(state.uc_mcontext.fpregs);
  std::byte* const to = context.vectors.data();
  std::memcpy(&note, from + STATE_NOTE, sizeof note);
  std::uint64_t components = 3;  // x87, SSE
  std::size_t size = legacy;
  if (note.magic1 == STATE_MAGIC) {
    size = std::min<std::size_t>(note.size, VectorState::size);
    std::memcpy(&components, from + STATE_XSTATE_BV, sizeof components);
    components &= UserContext::all;
  }
  std::memcpy(to, from, size);
  if (size == legacy) std::memset(to + legacy, 0, 64);
  std::memcpy(to + STATE_XSTATE_BV, &components, sizeof components);
  context.saved = UserContext::all;
}

void save_general(const Signal& signal, UserContext& context) {
  const auto& from = signal.state.uc_mcontext.gregs;
  const auto get = [&from](int index) { return static_cast<std::uint64_t>(from[index]); };
  GeneralRegs& to = context.general;
  to.rax = get(REG_RAX);
  to.rbx = get(REG_RBX);
  to.rcx = get(REG_RCX);
  to.rdx = get(REG_RDX);
  to.rsi = get(REG_RSI);
  to.rdi = get(REG_RDI);
  to.rbp = get(REG_RBP);
  to.rsp = get(REG_RSP);
  to.r8 = get(REG_R8);
  to.r9 = get(REG_R9);
  to.r10 = get(REG_R10);
  to.r11 = get(REG_R11);
  to.r12 = get(REG_R12);
  to.r13 = get(REG_R13);
  to.r14 = get(REG_R14);
  to.r15 = get(REG_R15);
  to.rip = get(REG_RIP);
  if (is_in_hidden_gate(to.rip)) to.rip = std::bit_cast<std::uint64_t>(&cotrap_hidden_gate);
  to.rflags = get(REG_EFL);
  if (cotrap_hart.fs_is_users != 0) to.fsbase = signal.fs_base;
}

/// Saves gs, which still has the value at the signal, because handlers do not change it.
void note_gs(UserContext* context) {
  if (hart_found_by() == FoundBy::gs || !cotrap_bases_writable) return;
  std::uint64_t gs = 0;
  asm volatile("rdgsbase %0" : "=r"(gs));
  cotrap_hart.loaded_gs = gs;
  if (context == nullptr) return;
  (turn_fs_to_gs(segments()) ? context->general.fsbase : context->general.gsbase) = gs;
}

void end_run_user(Signal& signal, UserContext& context, const Trap& trap) {
  context.trap_num = trap.cause;
  const bool exception = is_fault(signal) && signal.number != SIGSYS;
  context.error_code =
      exception ? static_cast<std::uint64_t>(signal.state.uc_mcontext.gregs[REG_ERR]) : 0;
  const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(trap);
  auto& to = signal.state.uc_mcontext.gregs;
  to[REG_RDI] = std::bit_cast<greg_t>(&context);
  to[REG_RAX] = static_cast<greg_t>(words[0]);
  to[REG_RDX] = static_cast<greg_t>(words[1]);
  to[REG_RSP] = static_cast<greg_t>(cotrap_hart.kernel_rsp);
  to[REG_EFL] = 2;
  to[REG_RIP] = std::bit_cast<greg_t>(window().leave_by_signal);
}

}  // namespace

bool is_fault(const Signal& signal) {
  switch (signal.number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: return signal.info.si_code > 0;  // otherwise a process has sent it
    default: return false;
  }
}

Trap decode(const Signal& signal) {
  if (!is_fault(signal)) return {.kind = Trap::interrupt, .cause = UserContext::asynchronous};
  if (signal.number == SIGSYS) return {.kind = Trap::syscall, .cause = UserContext::instruction};
  const auto& registers = signal.state.uc_mcontext.gregs;
  const auto vector = static_cast<std::uint32_t>(registers[REG_TRAPNO]);
  const auto error = static_cast<std::uint64_t>(registers[REG_ERR]);
  const auto cr2 = static_cast<std::uint64_t>(registers[REG_CR2]);
  constexpr std::uint64_t write = 2;  // bits of a page fault's error code
  constexpr std::uint64_t fetch = 16;
  const Trap::Kind kind = kind_of_cause(vector);
  switch (kind) {
    case Trap::arithmetic: {
      const auto code = static_cast<std::uint64_t>(signal.info.si_code);
      return {kind, hal::Access::none, vector, code};
    }
    case Trap::illegal_instruction: return {kind, hal::Access::execute, vector};
    case Trap::access_fault:
    case Trap::misaligned: return {kind, hal::Access::read, vector};
    case Trap::page_fault: {
      const auto access = (error & fetch) != 0   ? hal::Access::execute
                          : (error & write) != 0 ? hal::Access::write
                                                 : hal::Access::read;
      return {kind, access, vector, cr2};
    }
    default: return {kind, hal::Access::none, vector};
  }
}

Taken take(Signal& signal) {
  UserContext* const context = cotrap_hart.context;
  const auto rip = static_cast<std::uint64_t>(signal.state.uc_mcontext.gregs[REG_RIP]);
  const Place place = place_of(rip);
  const bool fault = is_fault(signal);
  if (fault && signal.number == SIGTRAP && is_step_of_window(rip, place)) return Taken::continues;
  stepping_to_jump = false;
  switch (place) {
    case Place::leaving:
      if (fault) return Taken::kernels;
      cotrap_hart.pending = 1;
      return Taken::continues;
    case Place::entering: note_gs(nullptr); break;
    case Place::elsewhere:
      if (context == nullptr) return Taken::kernels;
      save_general(signal, *context);
      save_vectors(signal.state, *context);
      note_gs(context);
      break;
  }
  end_run_user(signal, *context, decode(signal));
  return Taken::ends_run_user;
}

void handle_signal(int number, void (*handler)(Signal&)) {
  // Not the C library's sigaction(), which would make the handler return through its own code.
  struct {
    void (*handler)();
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
  } const action{
      cotrap_signal_entry,
      SA_SIGINFO | SA_ONSTACK | SA_RESTART | 0x0400'0000 /* SA_RESTORER */,
      cotrap_signal_return,
      ~std::uint64_t{0},
  };
  handlers[static_cast<std::size_t>(number)] = handler;
  cotrap_is_emulated = is_emulated();
  if (syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask) != 0) {
    std::perror("rt_sigaction");
    std::abort();
  }
}

bool catch_syscall_instructions(bool on) {
  constexpr int set_dispatch = 59;  // PR_SET_SYSCALL_USER_DISPATCH
  if (!on) return prctl(set_dispatch, 0, 0, 0, 0) == 0;
  // valgrind makes the program's system calls from its own code, outside the permitted range.
  if (is_emulated()) return false;
  // The code in signal_entry.S makes system calls of its own, at points where HartRecord::syscalls
  // can still be 1, so prctl() exempts it.
  const auto start = reinterpret_cast<std::uintptr_t>(cotrap_signal_entry);
  const auto end = reinterpret_cast<std::uintptr_t>(cotrap_signal_end);
  return prctl(set_dispatch, 1, start, end - start, &cotrap_hart.syscalls) == 0;
}

}  // namespace trap

// Called by cotrap_signal_entry.
extern "C" void cotrap_signal(int number, const siginfo_t& info, ucontext_t& state,
                              std::uint64_t fs_base) {
  trap::Signal signal{number, info, state, fs_base};
  const int error = errno;
  if (cotrap_is_emulated) trap::complete(signal);
  trap::handlers[static_cast<std::size_t>(number)](signal);
  errno = error;
}

#pragma clang attribute pop
