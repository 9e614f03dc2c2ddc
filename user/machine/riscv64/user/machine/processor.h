// riscv64: facts about the processor that programs use, and privileged or illegal instructions for
// tests.
#pragma once

#include <abi/signal.h>

#include <cstddef>
#include <cstdint>

namespace user::machine {

inline constexpr const char* name = "riscv64";

/// The most kernel memory for a blocked thread.
inline constexpr std::size_t bytes_per_thread = 2048;

/// An address of kernel code, which programs cannot access.
inline constexpr std::uintptr_t kernel_address = 0xffff'ffc0'8020'0000;
/// The return instruction, as data.
inline constexpr long return_instruction = 0x8082;

/// The signal for a privileged instruction in a program.
inline constexpr abi::Signal privileged_signal = abi::Signal::sigill;
inline void read_privileged_register() {
  long value;
  asm volatile("csrr %0, sstatus" : "=r"(value));
}
inline void return_from_trap() {
  asm volatile("sret");
}
inline void mask_interrupts() {
  asm volatile("csrci sstatus, 2");
}
inline void execute_nothing() {
  asm volatile("unimp");
}
inline void hit_breakpoint() {
  asm volatile("ebreak");
}

}  // namespace user::machine
