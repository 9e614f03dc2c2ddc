// RAM, kernel stacks, and what else the kernel's own space is made of.
#include <hal/gate.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "hart.h"

extern "C" const char __executable_start[], etext[];  // the linker's

namespace hal {
namespace {

constinit int file = -1;

/// The pages under kernel stacks.
constexpr std::size_t guard_limit = 128;
constinit std::array<std::atomic<VirtAddr>, guard_limit> guards{};
constinit std::atomic<std::size_t> guard_count = 0;

}  // namespace

bool hosted::map_ram(std::size_t bytes) {
  file = memfd_create("cotrap RAM", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return false;
  void* const place = reinterpret_cast<void*>(ram_mapping);
  return mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0) ==
         place;
}

int hosted::ram_file() {
  return file;
}

// The process has a space already.
bool enter_kernel_space(const BootInfo&) {
  return true;
}
TranslationToken kernel_translation() {
  return make_token(0, 0);
}
bool map_gate_page(VirtAddr, PhysAddr) {
  return false;
}

std::optional<KernelStack> map_kernel_stack(std::size_t pages) {
  // More than on a machine of our own: the C library's functions and sanitizers want some, too.
  const std::size_t bytes = 4 * pages * page_size;
  const std::size_t index = guard_count.fetch_add(1);
  if (index >= guards.size()) return std::nullopt;
  void* const mapping = mmap(nullptr, bytes + page_size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED || mprotect(mapping, page_size, PROT_NONE) != 0) return std::nullopt;
  const auto guard = reinterpret_cast<VirtAddr>(mapping);
  guards[index].store(guard);
  return KernelStack{.bottom = guard + page_size, .top = guard + page_size + bytes};
}

CodeRange kernel_code() {
  return {.begin = reinterpret_cast<VirtAddr>(__executable_start),
          .end = reinterpret_cast<VirtAddr>(etext)};
}

bool in_stack_guard(VirtAddr address) {
  for (const auto& guard : guards) {
    if (guard.load() != 0 && page_down(address) == guard.load()) return true;
  }
  return false;
}

}  // namespace hal
