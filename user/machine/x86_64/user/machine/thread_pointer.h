// x86_64: the thread pointer, fs, points just behind a thread's copy of the program's thread-local
// storage, to a word that holds its own address (variant II). A program without thread-local
// storage leaves fs to the kernel, which then need not switch it at system calls.
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
  return bytes == 0 ? nullptr : new (copy + bytes) void* {copy + bytes};
}
/// Sets the calling thread's pointer, unless `pointer` is null.
inline void set_thread_pointer(void* pointer) {
  if (pointer != nullptr) syscall(abi::set_thread_pointer, pointer);
}

}  // namespace user::machine
