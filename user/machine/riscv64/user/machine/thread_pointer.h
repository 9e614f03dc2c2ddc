// riscv64: tp points to a thread's copy of the program's thread-local storage (variant I, without a
// header in front).
#pragma once

#include <cstddef>

namespace user::machine {

/// What a copy takes beside the segment's own bytes, behind it.
inline constexpr std::size_t thread_header_bytes = 0;
/// The pointer to a copy of `bytes` bytes.
inline void* thread_pointer(std::byte* copy, std::size_t) {
  return copy;
}
/// For this thread.
inline void set_thread_pointer(void* pointer) {
  asm volatile("mv tp, %0" ::"r"(pointer));
}

}  // namespace user::machine
