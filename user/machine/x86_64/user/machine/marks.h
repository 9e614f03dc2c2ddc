// Marks of the beginning and the end of a measurement, for plugins of QEMU, which see each
// instruction. The instructions have no effect. Compilers do not make these displacements.
#pragma once

namespace user::machine {

inline void mark_begin() {
  asm volatile("nopl 0x434d0001(%%rax)" ::: "memory");
}
inline void mark_end() {
  asm volatile("nopl 0x434d0002(%%rax)" ::: "memory");
}

}  // namespace user::machine
