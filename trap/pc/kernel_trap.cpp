// Sets the gates and the entry of system calls, and reports exceptions in the kernel.
#include <abi/x86_64.h>
#include <async/interrupt.h>
#include <hal/kernel_map.h>
#include <hal/machine/gates.h>
#include <hal/machine/msr.h>
#include <trap/fpu.h>
#include <trap/interrupted_step.h>
#include <trap/kernel_trap.h>
#include <trap/router.h>
#include <trap/run_user.h>

#include <array>

extern "C" {
void cotrap_syscall_entry();  // user_entry.S
extern const char cotrap_exception_gates[], cotrap_interrupt_gates[];

void cotrap_kernel_interrupt(async::Interrupt* claimed);  // defined by the kernel

/// The generic number of each of Linux's calls for x86_64 that differs only in its number; 0 for
/// the others. user_entry.S reads it. No call in it has the generic number 0.
extern constinit const std::array<std::uint16_t, COMPAT_CALLS> cotrap_generic_calls = [] {
  std::array<std::uint16_t, COMPAT_CALLS> numbers{};
  for (unsigned number = 0; number < numbers.size(); ++number) {
    if (const auto call = abi::x86_64::generic(number))
      numbers[number] = static_cast<std::uint16_t>(*call);
  }
  return numbers;
}();

/// An interrupt of a step. `pc`: the interrupted address.
void cotrap_interrupted_step(std::uintptr_t pc) {
  trap::interrupted_pc = pc;
  cotrap_kernel_interrupt(nullptr);  // which claims
}

[[noreturn]] void cotrap_report_kernel_trap(const trap::UserContext& registers) {
  trap::Trap trap = trap::decode_exception(registers, registers.cause);
  // The processor raises a double fault if it cannot push the state of an exception.
  constexpr std::uint64_t double_fault = 8;
  bool overflow = trap.kind == trap::Trap::page_fault && hal::in_stack_guard(trap.address);
  if (registers.cause == double_fault) {
    trap.address = registers.stack() - 1;
    overflow = hal::in_stack_guard(trap.address);
  }
  trap::report_kernel_trap(trap, registers, overflow);
}
}

namespace trap {

constinit thread_local std::uintptr_t interrupted_pc = 0;

void install() {
  using hal::pc::Msr;
  add_hart_to_router();
  if (hal::hart_index() == 0) hal::pc::use_gates(cotrap_exception_gates, cotrap_interrupt_gates);
  // Intel SDM, volume 3, "Fast System Calls in 64-Bit Mode". The last selector is 16 below that of
  // the code of programs.
  constexpr std::uint64_t kernel_code = 0x08, below_user_code = 0x18;
  constexpr std::uint64_t single_step = 1 << 8, interrupts = 1 << 9, direction = 1 << 10,
                          nested_task = 1 << 14, access = 1 << 18;
  hal::pc::write_msr(Msr::star, below_user_code << 48 | kernel_code << 32);
  hal::pc::write_msr(Msr::syscall_entry, reinterpret_cast<std::uintptr_t>(&cotrap_syscall_entry));
  hal::pc::write_msr(Msr::syscall_mask,
                     single_step | interrupts | direction | nested_task | access);
  fpu::start();
}

}  // namespace trap
