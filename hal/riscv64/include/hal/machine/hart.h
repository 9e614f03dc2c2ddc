// riscv64: the parts of hal/hart.h that are an instruction or two.
#pragma once

namespace hal {

extern constinit thread_local unsigned this_hart_index;

inline unsigned hart_index() {
  return this_hart_index;
}
inline void wait_for_interrupt() {
  asm volatile("wfi" ::: "memory");
}

}  // namespace hal
