// pc: the functions of hal/hart.h that are a few instructions long. wait_for_interrupt() is in
// harts.cpp.
#pragma once

namespace hal {

namespace pc {

extern constinit thread_local unsigned looks;
/// Sleeps briefly. QEMU may run several harts on one processor of the host (with -icount it always
/// does). Then the hart that this one waits for runs only while this one sleeps. Does nothing while
/// interrupts are unmasked.
void nap_for_others();

}  // namespace pc

extern constinit thread_local unsigned this_hart_index asm("cotrap_hart_index");
extern constinit thread_local bool this_hart_smp_active;

inline unsigned hart_index() {
  return this_hart_index;
}
inline bool smp_active() {
  return this_hart_smp_active;
}
inline void relax() {
  asm volatile("pause" ::: "memory");
  constexpr unsigned spin_limit = 1024;
  if (++pc::looks % spin_limit == 0) pc::nap_for_others();
}

}  // namespace hal
