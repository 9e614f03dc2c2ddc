// riscv64: tp points to a thread's copy of the program's thread-local storage (variant I). A header
// lies in front of the copy. Its last word is the thread's step word.
#pragma once

#include <cstddef>
#include <new>

namespace user::machine {

/// Whether the program finds its storage below the thread pointer, which is at the storage's end
/// rounded up to the segment's alignment. Otherwise the storage begins at the pointer.
inline constexpr bool storage_ends_at_pointer = false;

/// The bytes that a thread's copy of the TLS segment has beyond those of the segment. Here they are
/// in front of it, and padded to the segment's alignment.
inline constexpr std::size_t thread_header_bytes = 16;
/// The thread pointer for a copy of `bytes` bytes at `copy`, behind its header.
inline void* thread_pointer(std::byte* copy, std::size_t) {
  new (copy - sizeof(void*)) void* {nullptr};
  return copy;
}
/// Sets the calling thread's pointer.
inline void set_thread_pointer(void* pointer) {
  asm volatile("mv tp, %0" ::"r"(pointer));
}

/// The step word of the calling thread, null at first. One instruction reads it, so the value is
/// right even if the caller's step moves to another thread meanwhile.
inline void* step_word() {
  void* word;
  asm volatile("ld %0, -8(tp)" : "=r"(word));
  return word;
}
inline void set_step_word(void* word) {
  asm volatile("sd %0, -8(tp)" ::"r"(word) : "memory");
}

}  // namespace user::machine
