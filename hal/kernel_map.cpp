#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <algorithm>
#include <expected>

#include "device_windows.h"
#include "kernel_half.h"

extern "C" {  // kernel.ld
extern const char kernel_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];
extern const char kernel_stack_guard[], emergency_stack_guard[];
}

namespace hal {
namespace {

constexpr Access read_write = Access::read | Access::write;

VirtAddr address_of(const char* symbol) {
  return reinterpret_cast<VirtAddr>(symbol);
}

using Mapped = std::expected<void, KernelMapError>;

/// Maps [from, to) of the direct map.
Mapped map(PageTable& table, VirtAddr from, VirtAddr to, Access access) {
  if (from >= to) return {};
  const auto mapped = table.map_kernel(from, from - kernel_offset, to - from, access);
  if (!mapped) return std::unexpected(KernelMapError{mapped.error(), from, to});
  return {};
}

Mapped map_image(PageTable& table) {
  struct Part {
    VirtAddr from, to;
    Access access;
  };
  const VirtAddr text = address_of(kernel_start), constants = address_of(kernel_text_end);
  const VirtAddr data = address_of(kernel_rodata_end);
  const VirtAddr guard = address_of(kernel_stack_guard);
  const VirtAddr second_guard = address_of(emergency_stack_guard);
  const Part parts[] = {
      {text, constants, Access::read | Access::execute},
      {constants, data, Access::read},
      {data, guard, read_write},
      {guard + page_size, second_guard, read_write},
      {second_guard + page_size, page_up(address_of(kernel_end)), read_write},
  };
  for (const auto& [from, to, access] : parts) {
    if (const Mapped mapped = map(table, from, to, access); !mapped) return mapped;
  }
  return {};
}

/// Maps a range of RAM except the kernel image in it.
Mapped map_memory(PageTable& table, const MemoryRange& range) {
  const VirtAddr from = page_up(range.base) + kernel_offset;
  const VirtAddr to = page_down(range.end()) + kernel_offset;
  const VirtAddr image = address_of(kernel_start), image_end = page_up(address_of(kernel_end));
  const Mapped below = map(table, from, std::min(to, image), read_write);
  return below ? map(table, std::max(from, image_end), to, read_write) : below;
}

/// Maps each page once: a window may begin in the page in which the one before it ends.
Mapped map_windows(PageTable& table) {
  VirtAddr mapped_to = 0;
  for (const Window& window : device_windows()) {
    if (!window) continue;
    const VirtAddr first = page_down(window.base), end = page_up(window.base + window.size);
    const VirtAddr from = first + page_size == mapped_to ? mapped_to : first;
    if (const Mapped mapped = map(table, from, end, read_write); !mapped) return mapped;
    mapped_to = end;
  }
  return {};
}

constinit std::optional<PageTable> table;

// Stacks are placed one above the other, each above its guard page, in a gigabyte without RAM.
constinit VirtAddr stacks_end = kernel_stacks_begin;

}  // namespace

std::expected<void, KernelMapError> enter_kernel_space(const BootInfo& info) {
  table = PageTable::create();
  if (!table) return std::unexpected(KernelMapError{MapError::no_memory});
  if (const Mapped mapped = map_image(*table); !mapped) return mapped;
  if (const Mapped mapped = map_trampoline_code(*table); !mapped) return mapped;
  for (const MemoryRange& range : info.memory) {
    if (const Mapped mapped = map_memory(*table, range); !mapped) return mapped;
  }
  if (const Mapped mapped = map_windows(*table); !mapped) return mapped;
  // Each new space copies the kernel's root entries, so the entry for the stacks' table must exist
  // now. All spaces then share that table.
  if (table->ensure(kernel_stacks_begin) == nullptr) {
    return std::unexpected(
        KernelMapError{MapError::no_memory, kernel_stacks_begin, kernel_stacks_end});
  }
  table->install_kernel_half(programs_see_from);
  set_translation(table->token(0));
  flush_all();
  return {};
}

TranslationToken kernel_translation() {
  return table->token(0);
}

bool map_kernel_page(VirtAddr va, PhysAddr page) {
  return table->map_kernel(va, page, page_size, read_write).has_value();
}

std::optional<KernelStack> map_kernel_stack(std::size_t pages) {
  const VirtAddr bottom = stacks_end + page_size, top = bottom + pages * page_size;
  if (top > kernel_stacks_end) return std::nullopt;
  stacks_end = top;
  for (VirtAddr va = bottom; va != top; va += page_size) {
    const PhysAddr page = table_frames::allocate();
    if (page == 0 || !table->map_kernel(va, page, page_size, read_write)) return std::nullopt;
    flush_page(va, 0);
  }
  return KernelStack{.bottom = bottom, .top = top};
}

CodeRange kernel_code() {
  return {.begin = address_of(kernel_start), .end = address_of(kernel_text_end)};
}

bool in_stack_guard(VirtAddr address) {
  const VirtAddr page = page_down(address);
  return page == address_of(kernel_stack_guard) || page == address_of(emergency_stack_guard) ||
         (page >= kernel_stacks_begin && page < stacks_end);
}

}  // namespace hal
