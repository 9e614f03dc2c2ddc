// x86_64: the thread pointer is behind a thread's copy of the program's thread-local storage, and
// points to itself (variant II). fs is the kernel's as long as nothing has need of it: a program
// that has thread-local variables does not get them yet.
#pragma once

#include <cstddef>
#include <new>

namespace user::machine {

/// What a copy takes beside the segment's own bytes, behind it.
inline constexpr std::size_t thread_header_bytes = 16;
/// The pointer to a copy of `bytes` bytes.
inline void* thread_pointer(std::byte* copy, std::size_t bytes) {
  return new (copy + bytes) void* {copy + bytes};
}
/// For this thread.
inline void set_thread_pointer(void*) {}

}  // namespace user::machine
