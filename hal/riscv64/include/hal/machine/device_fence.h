// riscv64: fences between memory (r, w) and device registers (i, o).
#pragma once

namespace hal {

inline void fence_before_device() {
  asm volatile("fence rw, o" ::: "memory");
}
inline void fence_after_device() {
  asm volatile("fence i, rw" ::: "memory");
}

}  // namespace hal
