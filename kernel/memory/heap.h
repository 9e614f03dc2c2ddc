// The kernel heap, behind operator new and delete.
//
// Small objects live in slabs: pages cut into objects of one size, free objects linked through
// themselves, a page's bookkeeping in its FrameInfo. Allocation and release are O(1), about 20
// instructions. Objects above `largest_small` are blocks of pages. An empty slab goes back to the
// frames, except one per size.
//
// allocate() never returns null: what is made on behalf of a program has been admitted
// (frames.h), and a kernel that runs dry in spite of that is broken and stops.
//
// Called from the strand's tasks only (async/strand.h), never from an interrupt: they take turns,
// whichever hart they run on, so there is no lock.
#pragma once

#include <cstddef>

namespace kernel::memory::heap {

inline constexpr std::size_t largest_small = 2048;

/// At least `bytes`, aligned to 16; powers of two are aligned to their size, up to a page.
[[nodiscard]] void* allocate(std::size_t bytes);
/// Takes null too.
void release(void* object);

/// What is handed out now, rounded up to what was set aside for it.
std::size_t bytes_in_use();

/// Gives the empty slabs back too, so that the free frames can be compared with an earlier count.
void trim();

}  // namespace kernel::memory::heap
