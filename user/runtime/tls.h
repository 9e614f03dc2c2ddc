// Thread-local storage: each thread has a copy of the program's PT_TLS segment, and a pointer to it
// (user/machine/thread_pointer.h).
#pragma once

#include <cstddef>
#include <span>

namespace user::tls {

// Finds the segment among the program's headers. Called once, before any other function here.
void find_segment(const void* headers, std::size_t count, std::size_t entry_bytes);

std::size_t bytes();  // size of a copy, with the machine's header
std::size_t alignment();

// Initialises a copy at `place` (aligned, bytes() long) and returns the thread pointer for it.
void* initialise(std::byte* place);

// Destroys the calling thread's thread_local objects, the youngest first. Called after the thread's
// function has returned; other ends of a thread (exit, a signal) end the program. Null if the
// program has no such objects.
[[gnu::weak]] void destroy();

}  // namespace user::tls
