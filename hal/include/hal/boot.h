// What the machine tells the kernel when it starts. Filled in by the machine's own boot code
// (riscv64: from the firmware's device tree) before `kernel_main` is called; immutable after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hal {

/// A range of physical memory, in bytes.
struct MemoryRange {
  std::uintptr_t base;
  std::size_t size;

  constexpr std::uintptr_t end() const { return base + size; }
};

struct BootInfo {
  std::span<const MemoryRange> memory;    ///< all RAM
  std::span<const MemoryRange> reserved;  ///< parts of it that are taken: firmware, kernel, archive
  std::span<const std::byte> initrd;      ///< the boot archive, empty if there is none
  std::string_view command_line;          ///< `key=value …`
  unsigned hart_count = 1;                ///< harts the machine has
  std::span<const std::byte> random_seed;  ///< from the firmware; may be empty
  std::uint64_t wall_clock_ns =
      0;  ///< since 1970, when `now_ns` was 0; 0 if the machine has no clock
};

}  // namespace hal

/// The kernel's first function: called once, on the boot hart, with interrupts masked and a stack
/// of its own; never returns.
[[noreturn]] void kernel_main(const hal::BootInfo& info);

/// The first function of a hart that hal::start_hart has started: called with interrupts masked, no
/// deadline set and a stack of its own, in the kernel's space; never returns.
[[noreturn]] void kernel_hart_main(unsigned hart);
