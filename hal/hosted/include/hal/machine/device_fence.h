// Hosted: devices are threads of the process, and register accesses are function calls with locks.
#pragma once

#include <atomic>

namespace hal {

inline void fence_before_device() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
inline void fence_after_device() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace hal
