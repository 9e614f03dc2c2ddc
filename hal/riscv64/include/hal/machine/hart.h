// riscv64: the parts of hal/hart.h that are an instruction or two.
#pragma once

namespace hal {

extern constinit thread_local unsigned this_hart_index;
extern constinit thread_local bool this_hart_in_company;

inline unsigned hart_index() {
  return this_hart_index;
}
inline void wait_for_interrupt() {
  asm volatile("wfi" ::: "memory");
}

inline bool in_company() {
  return this_hart_in_company;
}
inline void relax() {
  asm volatile(".insn 0x0100000f" ::: "memory");  // pause (Zihintpause), a hint
}

}  // namespace hal
