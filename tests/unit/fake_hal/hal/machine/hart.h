// Harts of the test machine: each thread sets its hart number.
#pragma once

namespace hal {

namespace fake {
inline thread_local unsigned here = 0;
inline unsigned running = 1;
}  // namespace fake

inline unsigned hart_index() {
  return fake::here;
}
inline bool smp_active() {
  return fake::running > 1;
}
inline HartMask running_harts() {
  return mask_of(fake::running) - 1;
}

}  // namespace hal
