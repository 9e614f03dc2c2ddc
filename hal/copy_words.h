// The part of memcpy() that most copies spend their time in. riscv64 has its own (copy_words.S).
#pragma once

#include <cstddef>

/// memcpy(), if both addresses are multiples of 8. If the ranges overlap, `destination` must be the
/// lower one.
extern "C" void* cotrap_copy_words(void* destination, const void* source, std::size_t count);
