// x86_64: what a program can find out about it, and what a broken one can do with it.
#pragma once

#include <abi/signal.h>

#include <cstddef>
#include <cstdint>

namespace user::machine {

inline constexpr const char* name = "x86_64";

/// What the kernel may at most keep for a thread that waits. The vector registers are 2.7 KiB.
inline constexpr std::size_t bytes_per_thread = 2048 + 2752;

/// Linux's half, and with it nobody's here. (The kernel's own memory is not out of reach of
/// programs on the hosted machine.)
inline constexpr std::uintptr_t kernel_address = 0xffff'ffff'8020'0000;
/// A function that returns at once, as data.
inline constexpr long return_instruction = 0xc3;

/// What a program dies of that executes what is the kernel's to execute.
inline constexpr abi::Signal privileged_signal = abi::Signal::sigsegv;
inline void read_privileged_register() {
  long value;
  asm volatile("mov %%cr0, %0" : "=r"(value));
}
inline void return_from_trap() {
  asm volatile("sysretq");
}
inline void mask_interrupts() {
  asm volatile("cli");
}
inline void execute_nothing() {
  asm volatile("ud2");
}
inline void hit_breakpoint() {
  asm volatile("int3");
}

}  // namespace user::machine
