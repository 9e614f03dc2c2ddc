// The kernel heap, which operator new and delete use.
//
// Small objects live in slabs. A slab is a page that is divided into objects of one size. Its free
// objects form a list through themselves, and its FrameInfo holds the list's head. Allocation and
// release take constant time, about 20 instructions. Objects larger than `largest_small` are blocks
// of pages. The heap keeps one empty slab per size and frees all others.
//
// allocate() never returns null. Before a system call creates an object for a program, it tests
// can_allocate() (frames.h). If memory runs out nevertheless, the kernel is broken and stops.
//
// These functions run in the strand, never in an interrupt handler. Two functions are for callers
// that share the strand. Each hart has a cache of free objects for them, so harts that create and
// destroy objects at the same time write no common data.
#pragma once

#include <cstddef>

namespace kernel::memory::heap {

inline constexpr std::size_t largest_small = 2048;

/// Returns memory of at least `bytes` bytes. Its alignment is 16, or `bytes` if that is a larger
/// power of two, up to a page.
[[nodiscard]] void* allocate(std::size_t bytes);
/// Does nothing if `object` is null.
void release(void* object);

/// Like allocate() and release(), for callers that share the strand.
[[nodiscard]] void* allocate_sharing(std::size_t bytes);
void release_sharing(void* object);

/// Bytes in allocated objects, each rounded up to its size class or block. Objects in the caches of
/// harts count as allocated.
std::size_t bytes_in_use();

/// Frees the caches of harts and the empty slabs, so that a test can compare the free frames with
/// an earlier count.
void trim();

}  // namespace kernel::memory::heap
