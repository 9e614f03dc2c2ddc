// Signals as interrupts, page faults and kernel traps.
#include <abi/numbers.h>
#include <async/interrupt.h>
#include <hal/hart.h>
#include <hal/hosted.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>
#include <hal/machine/translation.h>
#include <trap/emulated.h>
#include <trap/hart_record.h>
#include <trap/interrupted_step.h>
#include <trap/kernel_trap.h>
#include <trap/router.h>
#include <trap/segments.h>
#include <trap/signal.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "step_interrupts.h"

extern "C" void cotrap_kernel_interrupt(async::Interrupt* claimed);  // defined by the kernel

namespace trap {

constinit thread_local std::uintptr_t interrupted_pc = 0;

namespace {

constexpr std::size_t signal_stack_bytes = 256 * 1024;

void take_interrupt(std::uintptr_t pc) {
  interrupted_pc = pc;
  cotrap_kernel_interrupt(nullptr);  // which claims
}

[[noreturn]] void report(const Signal& signal) {
  hal::mask_interrupts();
  const auto& from = signal.state.uc_mcontext.gregs;
  static UserContext registers;  // static: too large for the stack
  registers.set_stack(static_cast<std::uint64_t>(from[REG_RSP]));
  registers.set_program_counter(static_cast<std::uint64_t>(from[REG_RIP]));
  const Trap trap = decode(signal);
  report_kernel_trap(trap, registers,
                     trap.kind == Trap::page_fault && hal::in_stack_guard(trap.address));
}

/// Turns a program's own `syscall` instruction into a call that the kernel has a number for. To the
/// program, `syscall` preserves all vector registers, so from now on the gate must preserve them
/// when the program calls it.
void take_system_call(UserContext& context) {
  constexpr std::uint32_t highest = abi::first_compat_call - 1;
  const auto number = static_cast<std::uint32_t>(context.general.rax);
  context.general.rax = abi::first_compat_call + std::min(number, highest);
  context.kept = UserContext::all;
}

void on_signal(Signal& signal) {
  if (signal.number == hal::hosted::timer_signal()) hal::hosted::timer_has_fired();
  if (is_fault(signal) && cotrap_hart.context != nullptr) {
    // A page that the table allows was not mapped yet: the program retries.
    const Trap trap = decode(signal);
    if (trap.kind == Trap::page_fault &&
        hal::fill_translation(trap.address, static_cast<std::uint8_t>(trap.access))) {
      return;
    }
  }
  UserContext* const context = cotrap_hart.context;
  switch (take(signal)) {
    case Taken::ends_run_user:
      if (signal.number == SIGSYS) take_system_call(*context);
      return;
    case Taken::continues: return;
    case Taken::kernels: break;
  }
  if (is_fault(signal)) report(signal);
  cotrap_hart.pending = 1;
  if (hal::hosted::masked == 0) interrupt_step(signal.state);
}

/// How the kernel sets a program's fs: as --fs says. By default, and for --fs wrfsbase, it is
/// wrfsbase if the host allows it, else arch_prctl.
Segments segments_to_use() {
  using enum Segments;
  const auto wanted = hal::hosted::wanted_fs();
  if (wanted == "rewrite") return rewrite;
  if (wanted == "fault") {
    if (bases_are_writable() && !is_emulated()) return fault;
    std::fputs("--fs fault: this processor or its Linux does not let programs write fs\n", stderr);
    std::_Exit(2);
  }
  if (wanted == "arch_prctl") return arch_prctl;
  return bases_are_writable() ? wrfsbase : arch_prctl;
}

}  // namespace

void install() {
  add_hart_to_router();
  if (hal::hosted::pending_word != nullptr) return;  // the boot hart calls install() twice
  if (hal::hart_index() == 0) {
    choose_segments(segments_to_use());
    hal::hosted::code_is_seen_first = segments() == Segments::rewrite;
    hal::hosted::code_is_read_ahead = is_emulated();
  }
  void* const stack = mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  attach_hart({static_cast<std::byte*>(stack), signal_stack_bytes});
  if (segments() == Segments::fault) hal::hosted::hidden_fs = cotrap_hart.hidden_fs;
  for (const int number : {hal::hosted::timer_signal(), hal::hosted::ipi_signal(), SIGSEGV, SIGBUS,
                           SIGILL, SIGTRAP, SIGFPE, SIGSYS}) {
    handle_signal(number, on_signal);
  }
  catch_syscall_instructions(true);  // may fail: `syscall` is then a call of the host
  hal::hosted::take_interrupts_by(take_interrupt, cotrap_hart.pending);
}

}  // namespace trap

extern "C" void cotrap_take_interrupts(std::uintptr_t pc) {
  trap::take_interrupt(pc);
  hal::unmask_interrupts();
}
