// riscv64: tp points to a thread's copy of the program's thread-local storage (variant I, without a
// header in front).
#pragma once

#include <cstddef>

namespace user::machine {

/// Whether the program finds its storage below the thread pointer, which is at the storage's end
/// rounded up to the segment's alignment. Otherwise the storage begins at the pointer.
inline constexpr bool storage_ends_at_pointer = false;

/// The bytes that a thread's copy of the TLS segment has beyond those of the segment.
inline constexpr std::size_t thread_header_bytes = 0;
/// The thread pointer for a copy of `bytes` bytes at `copy`.
inline void* thread_pointer(std::byte* copy, std::size_t) {
  return copy;
}
/// Sets the calling thread's pointer.
inline void set_thread_pointer(void* pointer) {
  asm volatile("mv tp, %0" ::"r"(pointer));
}

}  // namespace user::machine
