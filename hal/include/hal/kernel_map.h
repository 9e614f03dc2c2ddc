// The kernel's own address space.
#pragma once

#include <hal/boot.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>
#include <hal/page_table.h>

#include <expected>
#include <optional>

namespace hal {

/// The first part of the final mapping that cannot be made: [from, to), and why. Both are 0 if not
/// even the root of the table can be made.
struct KernelMapError {
  MapError cause;
  VirtAddr from = 0;
  VirtAddr to = 0;
};

/// Leaves the boot code's provisional mapping for the final one: text read and execute, constants
/// read, data, the rest of RAM and device registers read and write, nothing else; no page under a
/// kernel stack. Every page table made from now on shares it. Once, on the boot hart, when frames
/// can be allocated. After an error the provisional mapping is still in place.
std::expected<void, KernelMapError> enter_kernel_space(const BootInfo& info);

/// The kernel's own space, for a hart that runs no program.
TranslationToken kernel_translation();

/// A stack for kernel code: [bottom, top), growing down, on frames of its own. It is not in the
/// direct map: `virt_to_phys` knows nothing of what is on it.
struct KernelStack {
  VirtAddr bottom;
  VirtAddr top;
};

/// Makes a stack of `pages` pages, zeros at first, above a page that is never mapped. It is there
/// for ever. Nothing when there is no memory. In the kernel's space, one caller at a time; a hart
/// that is running already must `flush_all` before it uses a stack that another one has made.
std::optional<KernelStack> map_kernel_stack(std::size_t pages);

/// The kernel's own code.
struct CodeRange {
  VirtAddr begin;
  VirtAddr end;

  bool contains(VirtAddr address) const { return address >= begin && address < end; }
};
CodeRange kernel_code();

/// Whether a page fault at `address` means that a stack has overflowed.
bool in_stack_guard(VirtAddr address);

}  // namespace hal
