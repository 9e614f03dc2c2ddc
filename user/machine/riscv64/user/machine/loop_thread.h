// riscv64: reads the thread-local variable cotrap_loop_thread (user/async/harts/async_platform.h).
#pragma once

namespace user::machine {

/// In assembly, because a job may change threads in any wait. A compiler may keep the address of a
/// thread_local variable across the wait of a function with a stack of its own.
inline void* loop_thread() {
  void* thread;
  asm volatile(
      "lui %0, %%tprel_hi(cotrap_loop_thread)\n"
      "add %0, %0, tp, %%tprel_add(cotrap_loop_thread)\n"
      "ld %0, %%tprel_lo(cotrap_loop_thread)(%0)"
      : "=r"(thread));
  return thread;
}

}  // namespace user::machine
