// riscv64: the hart's counters, which programs may read.
#pragma once

namespace user::machine {

inline unsigned long instructions() {
  unsigned long value;
  asm volatile("rdinstret %0" : "=r"(value)::"memory");
  return value;
}

inline unsigned long clock_ticks() {
  unsigned long value;
  asm volatile("rdtime %0" : "=r"(value)::"memory");
  return value;
}
inline constexpr unsigned long nanoseconds_per_tick = 100;  // QEMU virt: 10 MHz

}  // namespace user::machine
