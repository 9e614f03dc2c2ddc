// Signals become interrupts, page faults that the tables answer, and reports.
#include <hal/hart.h>
#include <hal/hosted.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>
#include <trap/hart_record.h>
#include <trap/interrupted_step.h>
#include <trap/kernel_trap.h>
#include <trap/segments.h>
#include <trap/signal.h>

#include <sys/mman.h>

#include <initializer_list>

#include "router_hart.h"

extern "C" {
void cotrap_interrupted();       // kernel_trap.S
void cotrap_kernel_interrupt();  // the kernel's
}

namespace trap {

constinit thread_local std::uintptr_t interrupted_pc = 0;

namespace {

constexpr std::size_t signal_stack_bytes = 256 * 1024;

void interrupt_step(std::uintptr_t pc) {
  interrupted_pc = pc;
  cotrap_kernel_interrupt();
}

/// Lets the step that the signal came upon take the interrupt when the handler has returned.
void interrupt_step(ucontext_t& state) {
  constexpr std::uintptr_t red_zone = 128;
  hal::mask_interrupts();
  auto& registers = state.uc_mcontext.gregs;
  const auto sp = static_cast<std::uintptr_t>(registers[REG_RSP]) - red_zone - sizeof(greg_t);
  *reinterpret_cast<greg_t*>(sp) = registers[REG_RIP];
  registers[REG_RSP] = static_cast<greg_t>(sp);
  registers[REG_RIP] = reinterpret_cast<greg_t>(&cotrap_interrupted);
}

[[noreturn]] void report(const Signal& signal) {
  hal::mask_interrupts();
  const auto& from = signal.state.uc_mcontext.gregs;
  static UserContext registers;  // too large for comfort, and there is one report
  registers.set_stack(static_cast<std::uint64_t>(from[REG_RSP]));
  registers.set_program_counter(static_cast<std::uint64_t>(from[REG_RIP]));
  const Trap trap = decode(signal);
  report_kernel_trap(trap, registers,
                     trap.kind == Trap::page_fault && hal::in_stack_guard(trap.address));
}

void on_signal(Signal& signal) {
  if (signal.number == hal::hosted::timer_signal()) hal::hosted::timer_has_fired();
  if (is_fault(signal) && cotrap_hart.context != nullptr) {
    // What the tables allow was only not mapped yet: the program tries again.
    const Trap trap = decode(signal);
    if (trap.kind == Trap::page_fault &&
        hal::fill_translation(trap.address, static_cast<std::uint8_t>(trap.access))) {
      return;
    }
  }
  if (take(signal) != Taken::kernels) return;
  if (is_fault(signal)) report(signal);
  cotrap_hart.pending = 1;
  if (hal::hosted::masked == 0) interrupt_step(signal.state);
}

}  // namespace

void install() {
  add_hart_to_router();
  if (hal::hosted::attention != nullptr) return;  // the boot hart installs twice
  if (hal::hart_index() == 0) {
    choose_segments(bases_are_writable() ? Segments::wrfsbase : Segments::arch_prctl);
  }
  void* const stack = mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  attach_hart({static_cast<std::byte*>(stack), signal_stack_bytes});
  for (const int number : {hal::hosted::timer_signal(), hal::hosted::poke_signal(), SIGSEGV, SIGBUS,
                           SIGILL, SIGTRAP, SIGFPE}) {
    handle_signal(number, on_signal);
  }
  hal::hosted::take_interrupts_by(interrupt_step, cotrap_hart.pending);
}

}  // namespace trap

/// From kernel_trap.S: all that is pending, so that the step goes on with nothing left.
extern "C" void cotrap_take_interrupts(std::uintptr_t pc) {
  trap::interrupt_step(pc);
  hal::unmask_interrupts();
}
