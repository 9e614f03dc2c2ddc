// riscv64: the functions of hal/hart.h that are one or two instructions long.
#pragma once

#include <hal/machine/privilege.h>

namespace hal {

namespace riscv64 {

extern constinit thread_local unsigned looks;
/// Sleeps briefly. QEMU may run several harts on one processor of the host (with -icount it always
/// does). Then the hart that this one waits for runs only while this one sleeps. Does nothing while
/// interrupts are unmasked.
void nap_for_others();

}  // namespace riscv64

extern constinit thread_local unsigned this_hart_index asm("cotrap_hart_index");
extern constinit thread_local bool this_hart_smp_active;

inline unsigned hart_index() {
  return this_hart_index;
}
inline void wait_for_interrupt() {
  asm volatile("wfi" ::: "memory");
  riscv64::serve_other_harts();
}

inline bool smp_active() {
  return this_hart_smp_active;
}
inline void relax() {
  asm volatile(".insn 0x0100000f" ::: "memory");  // pause (Zihintpause), a hint
  riscv64::serve_other_harts();
  constexpr unsigned spin_limit = 1024;
  if (++riscv64::looks % spin_limit == 0) riscv64::nap_for_others();
}

}  // namespace hal
