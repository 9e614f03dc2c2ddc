#include "machine.h"

#include <array>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <hal/remote.h>

#include "memory/frames.h"
#include "memory/heap.h"

std::byte* const hal::fake::ram = static_cast<std::byte*>(std::aligned_alloc(2 << 20, ram_bytes));

void kernel::memory::out_of_memory() {
  std::fputs("kernel out of memory\n", stderr);
  std::abort();
}

// ── Remote flushes ──

namespace {

std::size_t free_frames_at_flush = 0;

template <class Action>
void on_each_hart(hal::HartMask harts, Action&& action) {
  hal::for_each_hart(harts, [&](unsigned hart) {
    const unsigned before = std::exchange(hal::fake::here, hart);
    action();
    hal::fake::here = before;
  });
}

}  // namespace

void hal::flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages) {
  free_frames_at_flush = kernel::memory::frames.free_count();
  on_each_hart(harts, [&] {
    for (std::size_t i = 0; i < pages; ++i) flush_page(first + i * page_size, asid);
  });
}
void hal::flush_space_remote(HartMask harts, Asid asid) {
  free_frames_at_flush = kernel::memory::frames.free_count();
  on_each_hart(harts, [&] { flush_space(asid); });
}
void hal::flush_all_remote(HartMask harts) {
  on_each_hart(harts, [] { flush_all(); });
}
void hal::synchronize_code_remote(HartMask harts) {
  on_each_hart(harts, [] { synchronize_code(); });
}

namespace test {
namespace {

using hal::Access;
using hal::PageEntry;

std::size_t free_at_start = 0;
kernel::Errno last_refusal{};

PageEntry walk(hal::VirtAddr va) {
  hal::PhysAddr table = (hal::fake::hart().satp & ((std::uint64_t{1} << 44) - 1)) << 12;
  for (int level = 2;; --level) {
    const PageEntry entry = hal::phys_to_virt<PageEntry>(table)[va >> (12 + 9 * level) & 511];
    if (level == 0 || !entry.is_table()) return entry;
    table = entry.address();
  }
}

std::byte* access(kernel::AddressSpace& space, hal::VirtAddr va, Access wanted) {
  if (va >= hal::lower_half_end) {
    last_refusal = kernel::Errno::efault;
    return nullptr;
  }
  for (int attempt = 0; attempt < 3; ++attempt) {
    hal::set_translation(space.enter());
    const auto asid = static_cast<hal::Asid>(hal::fake::hart().satp >> 44);
    auto [cached, is_new] = hal::fake::hart().tlb.try_emplace({asid, hal::page_down(va)}, 0);
    if (is_new) cached->second = std::bit_cast<std::uint64_t>(walk(va));
    const auto entry = std::bit_cast<PageEntry>(cached->second);
    if (entry.allows(wanted)) return hal::phys_to_virt(entry.address()) + va % hal::page_size;
    // This hart's TLB drops invalid entries.
    if (!entry.present()) hal::fake::hart().tlb.erase(cached);
    if (const auto handled = space.fault(va, wanted); !handled) {
      last_refusal = handled.error();
      return nullptr;
    }
  }
  FAIL("the kernel says the access is fine, the hart still faults");
  return nullptr;
}

}  // namespace

Machine::Machine(std::size_t ram_bytes) {
  hal::fake::hart() = {};
  std::memset(hal::fake::ram, 0xa5, hal::fake::ram_bytes);  // real RAM is not zero either
  const std::array memory = {hal::MemoryRange{hal::fake::ram_base, ram_bytes}};
  REQUIRE(kernel::memory::frames.initialize(memory, {}));
  kernel::memory::asids.initialize(0xffff);
  free_at_start = kernel::memory::frames.free_count();
}

Machine::~Machine() {
  kernel::memory::heap::trim();
  kernel::memory::frames.empty_caches();
  CHECK(kernel::memory::frames.free_count() == free_at_start);
  CHECK(kernel::memory::heap::bytes_in_use() == 0);
}

std::optional<std::uint8_t> load(kernel::AddressSpace& space, hal::VirtAddr va) {
  const std::byte* byte = access(space, va, Access::read);
  if (byte == nullptr) return std::nullopt;
  return std::to_integer<std::uint8_t>(*byte);
}

bool store(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value) {
  std::byte* byte = access(space, va, Access::write);
  if (byte != nullptr) *byte = std::byte{value};
  return byte != nullptr;
}

bool fetch(kernel::AddressSpace& space, hal::VirtAddr va) {
  return access(space, va, Access::execute) != nullptr;
}

std::optional<std::uint8_t> load_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va) {
  const auto byte = space.fault_in(va, Access::read);
  if (!byte) {
    last_refusal = byte.error();
    return {};
  }
  return std::to_integer<std::uint8_t>(**byte);
}

bool store_by_kernel(kernel::AddressSpace& space, hal::VirtAddr va, std::uint8_t value) {
  const auto byte = space.fault_in(va, Access::write);
  if (!byte) {
    last_refusal = byte.error();
    return false;
  }
  **byte = std::byte{value};
  return true;
}

void leave_space() {
  hal::leave_user_space();
  kernel::memory::TlbTag::leave_any();
}
std::size_t free_at_remote_flush() {
  return free_frames_at_flush;
}
kernel::Errno refusal() {
  return last_refusal;
}

}  // namespace test
