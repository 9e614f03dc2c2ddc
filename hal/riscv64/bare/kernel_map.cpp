// The kernel's memory without translation: there is nothing to map. Stacks have no guard pages.
#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <algorithm>

extern "C" const char kernel_start[], kernel_text_end[];  // kernel.ld

namespace hal {

std::expected<void, KernelMapError> enter_kernel_space(const BootInfo& info) {
  PhysAddr begin = user_end, end = 0;
  for (const MemoryRange& range : info.memory) {
    begin = std::min(begin, page_down(range.base));
    end = std::max(end, page_up(range.end()));
  }
  if (!PageRecords::initialize(begin, end))
    return std::unexpected(KernelMapError{MapError::no_memory, begin, end});
  return {};
}

TranslationToken kernel_translation() {
  return 0;
}

bool map_kernel_page(VirtAddr, PhysAddr) {
  return false;
}

std::optional<KernelStack> map_kernel_stack(std::size_t pages) {
  const PhysAddr bottom = table_frames::allocate_run(pages);
  if (bottom == 0) return std::nullopt;
  return KernelStack{.bottom = bottom, .top = bottom + pages * page_size};
}

CodeRange kernel_code() {
  return {.begin = reinterpret_cast<VirtAddr>(kernel_start),
          .end = reinterpret_cast<VirtAddr>(kernel_text_end)};
}

bool in_stack_guard(VirtAddr) {
  return false;
}

}  // namespace hal
