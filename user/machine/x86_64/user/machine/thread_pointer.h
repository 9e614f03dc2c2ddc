// x86_64: the thread pointer, fs, is behind a thread's copy of the program's thread-local storage,
// and points to itself (variant II). A program that has none leaves fs to the kernel, which then
// need not change it at every system call.
#pragma once

#include <user/syscall.h>

#include <cstddef>
#include <new>

namespace user::machine {

/// What a copy takes beside the segment's own bytes, behind it.
inline constexpr std::size_t thread_header_bytes = 16;
/// The pointer to a copy of `bytes` bytes.
inline void* thread_pointer(std::byte* copy, std::size_t bytes) {
  return bytes == 0 ? nullptr : new (copy + bytes) void* {copy + bytes};
}
/// For this thread.
inline void set_thread_pointer(void* pointer) {
  if (pointer != nullptr) syscall(abi::set_thread_pointer, pointer);
}

}  // namespace user::machine
