// Address spaces on machines without translation. A page has the address of its frame. So mmap
// takes adjacent free frames for an area, fills all of its pages, and returns their address.
// Nothing happens at the first access, which does not trap.
//
//   an address wanted   only a range that the program has mapped already can be mapped again
//   one area            at most 128 MiB, if so much is free in one piece
//   MAP_SHARED          private memory, because no two processes can share it (syscalls/memory.cpp)
//   rights              the kernel keeps to them; without memory protection programs need not
#include <algorithm>
#include <array>
#include <bit>

#include "memory/address_space.h"

namespace kernel::memory {
namespace {

using hal::page_size;

constexpr std::size_t largest_block = std::size_t{1} << FrameAllocator::max_order;

/// `count` adjacent blocks of the largest size, in the first 64 that the allocator returns. 0:
/// there are none.
PhysAddr allocate_large_blocks(std::size_t count, Use use) {
  std::array<PhysAddr, 64> blocks;  // in ascending order
  std::size_t size = 0, first = 0;  // `first`: of the run that was found
  bool found = false;
  while (!found && size < blocks.size()) {
    const PhysAddr block = frames.allocate_block(FrameAllocator::max_order, use);
    if (block == 0) break;
    const auto place = std::upper_bound(blocks.begin(), blocks.begin() + size, block);
    std::move_backward(place, blocks.begin() + size, blocks.begin() + size + 1);
    *place = block;
    ++size;
    for (std::size_t i = 0; !found && i + count <= size; ++i) {
      found = blocks[i + count - 1] - blocks[i] == (count - 1) * largest_block * page_size;
      first = i;
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (!found || i < first || i >= first + count)
      frames.free_block(blocks[i], FrameAllocator::max_order);
  }
  return found ? blocks[first] : 0;
}

/// `count` adjacent frames, each with one reference, so that each can be freed by itself. 0: there
/// are none.
PhysAddr allocate_frames(std::size_t count, Use use) {
  const std::size_t large = (count + largest_block - 1) / largest_block;
  const std::size_t taken = large > 1 ? large * largest_block : std::bit_ceil(count);
  const PhysAddr block =
      large > 1 ? allocate_large_blocks(large, use)
                : frames.allocate_block(static_cast<unsigned>(std::countr_zero(taken)), use);
  if (block == 0) return 0;
  const auto at = [block](std::size_t frame) { return block + frame * page_size; };
  for (std::size_t i = 0; i < count; ++i) {
    FrameInfo& info = frames.info(at(i));
    info = FrameInfo{};
    info.references = 1;
  }
  // Give back the rest, in the largest blocks that it has.
  for (std::size_t i = count; i < taken;) {
    const auto piece = static_cast<unsigned>(std::countr_zero(i));
    frames.free_block(at(i), piece);
    i += std::size_t{1} << piece;
  }
  return block;
}

}  // namespace

std::string_view protection() {
  return hal::protection;
}

/// Frames for a new area. ENOMEM also if the address is fixed and the program has no memory there.
Result<AddressSpace::Gap> AddressSpace::take_frames(const MapRequest& request, std::size_t bytes) {
  if (request.backing.object) return fail(Errno::enodev);  // its pages have frames of their own
  const VirtAddr at = request.address, end = at + bytes;
  if (request.place == MapRequest::Place::anywhere) {
    const PhysAddr frames = allocate_frames(bytes / page_size, Use::user);
    if (frames == 0) return fail(Errno::enomem);
    return Gap{frames, areas_.at_or_before(frames)};
  }
  if (!hal::page_aligned(at)) return fail(Errno::einval);
  if (!hal::lies_in(user_range(), at, bytes)) return fail(Errno::enomem);
  if (request.place == MapRequest::Place::if_free) {
    const Area* const area = areas_.first_after(at);
    return fail(area != nullptr && area->start < end ? Errno::eexist : Errno::enomem);
  }
  if (!is_mapped(at, end)) return fail(Errno::enomem);
  const FrameReferences references;  // those that the new area keeps
  for (VirtAddr page = at; page < end; page += page_size) references.share_smp(page);
  unmap_from(areas_.first_after(at), at, end);
  return Gap{at, areas_.at_or_before(at)};
}

/// Gives the pages of [start, end) their first contents. The space owns their frames.
void AddressSpace::fill_pages(VirtAddr start, VirtAddr end) {
  for (VirtAddr page = start; page < end;) {
    const Area& area = *areas_.find(page);
    for (; page < std::min(end, area.end); page += page_size)
      (void)make_page(area, page, table_.ensure(page), Access::write);
  }
}

/// The same for the pages of [start, end) that are mapped already.
void AddressSpace::fill_pages_again(VirtAddr start, VirtAddr end) {
  const FrameReferences references;
  for (Area* area = areas_.first_after(start); area != nullptr && area->start < end;
       area = area->next) {
    const VirtAddr from = std::max(start, area->start), to = std::min(end, area->end);
    for (VirtAddr page = from; page < to; page += page_size) references.share_smp(page);
    remove_pages(from, to);
    fill_pages(from, to);
  }
}

}  // namespace kernel::memory

hal::PhysAddr hal::table_frames::allocate_run(std::size_t count) {
  const PhysAddr run = kernel::memory::allocate_frames(count, kernel::memory::Use::kernel);
  for (std::size_t i = 0; run != 0 && i < count; ++i) zero_page(phys_to_virt(run + i * page_size));
  return run;
}
