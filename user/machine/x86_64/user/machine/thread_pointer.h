// x86_64: the thread pointer, fs, points just behind a thread's copy of the program's thread-local
// storage, to a word that holds its own address (variant II). The next word is the thread's step
// word. A program without thread-local storage leaves fs to the kernel, which then need not switch
// it at system calls.
#pragma once

#include <user/syscall.h>

#include <cstddef>
#include <new>

namespace user::machine {

/// Whether the program finds its storage below the thread pointer, which is at the storage's end
/// rounded up to the segment's alignment. Otherwise the storage begins at the pointer.
inline constexpr bool storage_ends_at_pointer = true;

/// Extra bytes of a copy, after the segment's bytes.
inline constexpr std::size_t thread_header_bytes = 16;
/// The thread pointer for a copy of `bytes` bytes at `copy`; null if `bytes` is 0.
inline void* thread_pointer(std::byte* copy, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  new (copy + bytes + sizeof(void*)) void* {nullptr};
  return new (copy + bytes) void* {copy + bytes};
}
/// Sets the calling thread's pointer, unless `pointer` is null.
inline void set_thread_pointer(void* pointer) {
  if (pointer != nullptr) syscall(abi::set_thread_pointer, pointer);
}

/// The step word of the calling thread, null at first. One instruction reads it, so the value is
/// right even if the caller's step moves to another thread meanwhile. Only in programs with
/// thread-local storage.
inline void* step_word() {
  void* word;
  asm volatile("movq %%fs:8, %0" : "=r"(word));
  return word;
}
inline void set_step_word(void* word) {
  asm volatile("movq %0, %%fs:8" ::"r"(word) : "memory");
}

}  // namespace user::machine
