// RAM, kernel stacks, and the rest of the kernel's address space.
#include <hal/hosted.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "hart.h"

extern "C" const char __executable_start[], etext[];  // defined by the linker

namespace hal {
namespace {

constinit int file = -1;

constexpr std::size_t stack_limit = 128;
/// A kernel stack; its guard page is below it. `bottom` is 0 in an unused entry of `stacks`.
struct Stack {
  std::atomic<VirtAddr> bottom = 0;
  VirtAddr top = 0;
};
constinit std::array<Stack, stack_limit> stacks{};
constinit std::atomic<std::size_t> stack_count = 0;
constinit std::atomic<VirtAddr> next_stack = first_kernel_stack;

}  // namespace

bool hosted::map_ram(std::size_t bytes, const char* path) {
  file = path != nullptr ? open(path, O_RDWR | O_CLOEXEC) : memfd_create("cotrap RAM", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return false;
  void* const place = reinterpret_cast<void*>(ram_mapping);
  return mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0) ==
         place;
}

int hosted::ram_file() {
  return file;
}

hosted::HostMemory::HostMemory(std::size_t bytes) {
  void* const mapping =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping != MAP_FAILED) bytes_ = {static_cast<std::byte*>(mapping), bytes};
}
hosted::HostMemory::~HostMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

// Does nothing: the kernel runs in the address space of its process.
std::expected<void, KernelMapError> enter_kernel_space(const BootInfo&) {
  return {};
}
TranslationToken kernel_translation() {
  return make_token(0, 0);
}
bool map_kernel_page(VirtAddr, PhysAddr) {
  return false;
}

VirtAddr bottom_of_first_stack() {
  return 0;
}

std::optional<KernelStack> map_kernel_stack(std::size_t pages) {
  // Four times the size asked for: the C library and sanitizers need more stack than the kernel's
  // own code.
  const std::size_t bytes = 4 * pages * page_size;
  const std::size_t index = stack_count.fetch_add(1);
  if (index >= stacks.size()) return std::nullopt;
  void* const place = reinterpret_cast<void*>(next_stack.fetch_add(bytes + page_size));
  void* const mapping =
      mmap(place, bytes + page_size, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapping != place || mprotect(mapping, page_size, PROT_NONE) != 0) return std::nullopt;
  const KernelStack stack{.bottom = reinterpret_cast<VirtAddr>(mapping) + page_size,
                          .top = reinterpret_cast<VirtAddr>(mapping) + page_size + bytes};
  stacks[index].top = stack.top;
  stacks[index].bottom.store(stack.bottom);
  return stack;
}

CodeRange kernel_code() {
  return {.begin = reinterpret_cast<VirtAddr>(__executable_start),
          .end = reinterpret_cast<VirtAddr>(etext)};
}

bool in_stack_guard(VirtAddr address) {
  return std::ranges::any_of(stacks, [address](const Stack& stack) {
    const VirtAddr bottom = stack.bottom.load();
    return bottom != 0 && page_down(address) == bottom - page_size;
  });
}

KernelStack hosted::kernel_stack_at(VirtAddr address) {
  for (const Stack& stack : stacks) {
    const VirtAddr bottom = stack.bottom.load();
    if (bottom != 0 && address >= bottom && address < stack.top) return {bottom, stack.top};
  }
  return {};
}

}  // namespace hal
