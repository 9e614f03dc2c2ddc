// riscv64: what a program can find out about it, and what a broken one can do with it.
#pragma once

#include <abi/signal.h>

#include <cstddef>
#include <cstdint>

namespace user::machine {

inline constexpr const char* name = "riscv64";

/// What the kernel may at most keep for a thread that waits.
inline constexpr std::size_t bytes_per_thread = 2048;

/// The kernel's code, which no program may touch.
inline constexpr std::uintptr_t kernel_address = 0xffff'ffc0'8020'0000;
/// A function that returns at once, as data.
inline constexpr long return_instruction = 0x8082;

/// What a program dies of that executes what is the kernel's to execute.
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
