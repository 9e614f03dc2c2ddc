// The kernel's own address space.
#pragma once

#include <hal/boot.h>
#include <hal/machine/translation.h>
#include <hal/map_error.h>
#include <hal/memory_map.h>
#include <hal/page_table.h>

#include <expected>
#include <optional>

namespace hal {

/// The first range [from, to) of the kernel's map that cannot be mapped, and the cause. Both ends
/// are 0 if there is no memory for the root table.
struct KernelMapError {
  MapError cause;
  VirtAddr from = 0;
  VirtAddr to = 0;
};

/// Replaces the boot code's mapping by the kernel's own. Text is read and execute, constants are
/// read-only, and data, the rest of RAM and device registers are read and write. The page below a
/// kernel stack stays unmapped. All later page tables share this mapping. Call it once, on the boot
/// hart, when frames can be allocated. After an error the boot mapping is still in use.
std::expected<void, KernelMapError> enter_kernel_space(const BootInfo& info);

/// The kernel's own address space for set_translation(), on a hart that runs no program.
TranslationToken kernel_translation();

/// Maps `page` at `va`. The kernel can read and write it in each address space whose root table has
/// the entry for `va`. Returns false if there is no memory for a page table. Always false on
/// the hosted machine.
bool map_kernel_page(VirtAddr va, PhysAddr page);

/// A kernel stack: [bottom, top), growing down. Its frames are mapped outside the direct map, so
/// `virt_to_phys` is wrong for objects on it.
struct KernelStack {
  VirtAddr bottom;
  VirtAddr top;
};

/// The lowest address of the stack on which this hart has started; 0 if the host knows it.
VirtAddr bottom_of_first_stack();

/// Maps a stack of `pages` zeroed pages above an unmapped guard page. A stack is never freed.
/// Returns nothing if there is no memory. Call it after enter_kernel_space(), one caller at a time.
/// A hart that is already running must call `flush_all` before it uses a stack that another hart
/// mapped.
std::optional<KernelStack> map_kernel_stack(std::size_t pages);

/// The addresses of the kernel's code: [begin, end).
struct CodeRange {
  VirtAddr begin;
  VirtAddr end;

  bool contains(VirtAddr address) const { return address >= begin && address < end; }
};
CodeRange kernel_code();

/// Whether `address` is in the guard page of a kernel stack: a fault there is a stack overflow.
bool in_stack_guard(VirtAddr address);

}  // namespace hal
