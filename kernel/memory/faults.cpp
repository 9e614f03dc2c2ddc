// Page faults: how a page gets its frame. Also the kernel's own way to a program's memory, which is
// the same walk and the same faults without the trap.
//
//   nothing in the table    zeros, a piece of a file, or the shared page
//   there, but read-only    copy-on-write: copied, or simply made writable for the last owner
//   there and good enough   the hart remembered something older: flush
#include <algorithm>
#include <cstring>

#include "memory/address_space.h"

namespace kernel::memory {

using hal::page_down;
using hal::page_size;
using hal::PageEntry;
using hal::PageTable;

namespace {

/// The bytes of a file that belong into the page `offset` bytes into its area.
std::span<const std::byte> page_of_file(const Backing& backing, std::size_t offset) {
  const auto rest = backing.file.subspan(std::min(offset, backing.file.size()));
  return rest.first(std::min(rest.size(), page_size));
}

// A whole, aligned page of a file that never changes can be mapped as it lies.
bool can_borrow(std::span<const std::byte> contents) {
  return contents.size() == page_size &&
         hal::page_aligned(reinterpret_cast<std::uintptr_t>(contents.data()));
}

PhysAddr frame_with(std::span<const std::byte> contents) {
  const PhysAddr frame = frames.allocate(Use::user);
  if (frame == 0) return 0;
  std::byte* page = hal::phys_to_virt(frame);
  std::memcpy(page, contents.data(), contents.size());
  std::memset(page + contents.size(), 0, page_size - contents.size());
  return frame;
}

}  // namespace

Result<> AddressSpace::fault(VirtAddr va, Access wanted) {
  const Area* area = area_at(va);
  if (area == nullptr) return fail(Errno::efault);
  if (!allows(area->access, wanted)) return fail(Errno::eacces);
  const VirtAddr page = page_down(va);
  PageEntry* slot = table_.ensure(page);
  if (slot == nullptr) return fail(Errno::enomem);

  if (!slot->empty()) {
    if (wanted == Access::write && !slot->allows(wanted)) return copy_on_write(*area, page, slot);
    flush_page(page);
    return {};
  }

  PageEntry entry;
  switch (area->backing.kind) {
    case Backing::Kind::zeros: {
      const PhysAddr frame = frames.allocate_zeroed(Use::user);
      if (frame != 0) entry = PageEntry::page(frame, area->access);
      break;
    }
    case Backing::Kind::file: {
      const auto contents = page_of_file(area->backing, page - area->start);
      if (can_borrow(contents) && wanted != Access::write) {
        entry = PageEntry::borrowed_page(hal::virt_to_phys(contents.data()),
                                         without(area->access, Access::write));
      } else if (const PhysAddr frame = frame_with(contents); frame != 0) {
        entry = PageEntry::page(frame, area->access);
      }
      break;
    }
    case Backing::Kind::shared: {
      const Backing& backing = area->backing;
      const PhysAddr frame =
          backing.pages->frame(backing.first_page + (page - area->start) / page_size);
      if (frame != 0) {
        frames.share(frame);
        entry = PageEntry::page(frame, area->access);
      }
      break;
    }
  }
  if (entry.empty()) return fail(Errno::enomem);
  PageTable::fill(slot, entry);
  ++resident_;
  if (allows(area->access, Access::execute)) code_written_ = true;
  return {};
}

// A write to a page that is in the table without that right, in a private area that allows it.
Result<> AddressSpace::copy_on_write(const Area& area, VirtAddr page, PageEntry* slot) {
  const PageEntry old = *slot;
  if (!old.borrowed() && !frames.shared(old.address())) {
    *slot = old.with(area.access);
  } else {
    const PhysAddr copy = frames.allocate(Use::user);
    if (copy == 0) return fail(Errno::enomem);
    hal::copy_page(hal::phys_to_virt(copy), hal::phys_to_virt(old.address()));
    *slot = PageEntry::page(copy, area.access);
    if (!old.borrowed()) frames.drop(old.address());
    if (allows(area.access, Access::execute)) code_written_ = true;
  }
  flush_page(page);
  return {};
}

Result<std::byte*> AddressSpace::resolve(VirtAddr va, Access wanted) {
  if (va >= hal::user_end) return fail(Errno::efault);
  const PageEntry* slot = table_.find(va);
  if (slot == nullptr || !slot->allows(wanted)) [[unlikely]] {
    if (const auto made = fault(va, wanted); !made) {
      return fail(made.error() == Errno::enomem ? Errno::enomem : Errno::efault);
    }
    slot = table_.find(va);
  }
  if (wanted == Access::write && slot->allows(Access::execute)) code_written_ = true;
  return hal::phys_to_virt(slot->address()) + va % page_size;
}

Result<MemoryKey> AddressSpace::key_of(VirtAddr va) const {
  const Area* area = areas_.find(va);
  if (area == nullptr) return fail(Errno::efault);
  if (!area->backing.is_shared()) return MemoryKey{.object = this, .offset = va};
  return MemoryKey{.object = area->backing.pages.get(),
                   .offset = area->backing.first_page * page_size + (va - area->start)};
}

}  // namespace kernel::memory
