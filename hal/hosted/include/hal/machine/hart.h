// Hosted: a hart is a thread of the process.
#pragma once

#include <atomic>

namespace hal {

extern constinit thread_local unsigned this_hart_index asm("cotrap_hart_index");
extern constinit thread_local bool this_hart_smp_active;

inline unsigned hart_index() {
  return this_hart_index;
}
inline bool smp_active() {
  return this_hart_smp_active;
}

}  // namespace hal
