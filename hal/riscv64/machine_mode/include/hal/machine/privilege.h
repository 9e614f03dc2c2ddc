// What differs between kernels in supervisor mode and in machine mode: machine mode.
#pragma once

#include <hal/machine/csr.h>

#include <atomic>
#include <cstdint>

namespace hal::riscv64 {

inline constexpr bool in_machine_mode = true;

/// Sets up protection and software interrupts of this hart. Call it once, after `devices` is filled
/// in. Switches the machine off, with a message, if it lacks them.
void prepare_hart();

/// This hart's register that raises its software interrupt (CLINT, `msip`).
extern constinit thread_local volatile std::uint32_t* software_interrupt;

/// Requests to a hart (requests.cpp). A hart that requests something increments `asked`, and waits
/// until `done` has reached this number.
struct Requests {
  std::atomic<std::uint32_t> asked = 0;
  std::atomic<std::uint32_t> done = 0;
};
extern constinit thread_local Requests* own_requests;
/// Call it on each hart before the hart can get requests.
void start_requests();
void serve_requests();

/// Call it in each round of a loop that waits for another hart, which may wait for this one.
inline void serve_other_harts() {
  const Requests& own = *own_requests;
  if (own.asked.load(std::memory_order_relaxed) != own.done.load(std::memory_order_relaxed))
      [[unlikely]]
    serve_requests();
}

/// Whether an interrupt is pending that this hart takes.
inline bool has_pending_interrupt() {
  return (HAL_READ_CSR("mip") & HAL_READ_CSR("mie")) != 0;
}
inline void clear_software_interrupt() {
  *software_interrupt = 0;
  asm volatile("fence" ::: "memory");  // a request that comes from now on raises it again
  serve_other_harts();
}

}  // namespace hal::riscv64
