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
// If several harts run, each hart has a cache of free objects for each size. Harts that create and
// destroy objects at the same time write no common data then. A hart fills and empties its cache in
// batches. It fills the cache from slabs that it has made. An object of more than 32 bytes has
// cache lines of its own. A cache holds at most a page of objects, and at most 15.
//
// These functions run in the strand, or while the caller shares it, never in an interrupt handler.
#pragma once

#include <cstddef>

namespace kernel::memory::heap {

inline constexpr std::size_t largest_small = 2048;

/// Returns memory of at least `bytes` bytes. Its alignment is 16, or `bytes` if that is a larger
/// power of two, up to a page. Call it only while no other hart runs.
[[nodiscard]] void* allocate(std::size_t bytes);
/// Does nothing if `object` is null. Call it only while no other hart runs.
void release(void* object);

/// Like allocate() and release(), if several harts run.
[[nodiscard]] void* allocate_smp(std::size_t bytes);
void release_smp(void* object);

/// Bytes in allocated objects, each rounded up to its size class or block. Objects in the caches of
/// harts count as allocated.
std::size_t bytes_in_use();

/// Frees the objects in the caches of harts, and the empty slabs. In the strand.
void trim();

}  // namespace kernel::memory::heap
