// Marks of the beginning and the end of a measurement, for plugins of QEMU, which see each
// instruction. The instructions have no effect, because their destination is the register zero. The
// RISC-V manual leaves these hints to custom use.
#pragma once

namespace user::machine {

inline void mark_begin() {
  asm volatile("slti zero, zero, 1" ::: "memory");
}
inline void mark_end() {
  asm volatile("slti zero, zero, 2" ::: "memory");
}

}  // namespace user::machine
