// x86_64: facts about the processor that programs use, and privileged or illegal instructions for
// tests.
#pragma once

#include <abi/signal.h>

#include <cstddef>
#include <cstdint>

namespace user::machine {

inline constexpr const char* name = "x86_64";

/// The most kernel memory for a blocked thread. The vector registers take 2.7 KiB of it.
inline constexpr std::size_t bytes_per_thread = 2048 + 2752;

/// An address in Linux's half of the address space, which programs cannot access. (On the hosted
/// machine a program can access Cotrap's kernel memory, so an address there would not fault.)
inline constexpr std::uintptr_t kernel_address = 0xffff'ffff'8020'0000;
/// The return instruction, as data.
inline constexpr long return_instruction = 0xc3;

/// The signal for a privileged instruction in a program.
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
