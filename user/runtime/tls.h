// Thread-local storage: each thread has a copy of the program's PT_TLS segment, and a pointer to it
// (user/machine/thread_pointer.h).
#pragma once

#include <cstddef>
#include <span>

namespace user::tls {

// Once, before anything else: finds the segment among the program's headers.
void find_segment(const void* headers, std::size_t count, std::size_t entry_bytes);

std::size_t bytes();  // what one copy takes, a multiple of its alignment
std::size_t alignment();

// Fills the copy at `place` (aligned, bytes() long) and returns the thread pointer for it.
void* initialise(std::byte* place);

// Destroys the calling thread's thread_local objects, the youngest first: its function has
// returned. What ends it otherwise (exit, a signal) ends the program, and with it all memory.
// Nothing, not even there, in a program that has no such objects.
[[gnu::weak]] void destroy();

}  // namespace user::tls
