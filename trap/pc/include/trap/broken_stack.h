// A self-test: an interrupt arrives while the stack pointer of the kernel is broken.
#pragma once

#include <cstdint>

/// Unmasks interrupts for one instruction, with `rsp` as the stack pointer. Call it in a
/// preemptible step, with interrupts masked and one pending.
inline void cotrap_unmask_on_stack(std::uintptr_t rsp) {
  asm volatile(
      "xchgq %0, %%rsp\n\t"
      "sti\n\t"
      "nop\n\t"
      "cli\n\t"
      "xchgq %0, %%rsp"
      : "+r"(rsp)
      :
      : "memory");
}
