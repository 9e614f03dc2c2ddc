// riscv64: the parts of hal/hart.h that are an instruction or two.
#pragma once

namespace hal {

namespace riscv64 {

extern constinit thread_local unsigned looks;
/// Sleeps for a moment. Harts may be taking turns on one processor of the host's (QEMU's do when it
/// counts instructions) or be more than it has: then the one that is waited for runs only when this
/// one does not.
void give_way();

}  // namespace riscv64

extern constinit thread_local unsigned this_hart_index asm("cotrap_hart_index");
extern constinit thread_local bool this_hart_smp_active;

inline unsigned hart_index() {
  return this_hart_index;
}
inline void wait_for_interrupt() {
  asm volatile("wfi" ::: "memory");
}

inline bool smp_active() {
  return this_hart_smp_active;
}
inline void relax() {
  asm volatile(".insn 0x0100000f" ::: "memory");  // pause (Zihintpause), a hint
  constexpr unsigned spin_limit = 128;
  if (++riscv64::looks % spin_limit == 0) riscv64::give_way();
}

}  // namespace hal
