// The description of the machine that the kernel gets at boot. The machine's boot code fills it in
// before `kernel_main` is called (riscv64: from the firmware's device tree). Immutable afterwards.
#pragma once

#include <hal/hart.h>

#include <array>
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
  std::span<const MemoryRange> reserved;  ///< parts of RAM in use: firmware, kernel image, archive
  std::span<const std::byte> initrd;      ///< the boot archive (cpio); empty if there is none
  bool initrd_is_builtin = false;  ///< the firmware passed none; this one is the kernel's own
  std::string_view command_line;   ///< words of the form `key=value`, separated by spaces
  unsigned hart_count = 1;         ///< harts the machine has
  /// By hart, for the first `hart_count`: the instruction set as the machine describes it; empty if
  /// it does not.
  std::array<std::string_view, max_harts> isa;
  std::span<const std::byte> random_seed;  ///< from the firmware; may be empty
  std::uint64_t wall_clock_ns = 0;  ///< Unix time at which now_ns() was 0; 0 if there is no clock
};

}  // namespace hal

/// The kernel's first function. The boot hart calls it once, with interrupts masked, on its own
/// kernel stack.
[[noreturn]] void kernel_main(const hal::BootInfo& info);

/// The first function of a hart that hal::start_hart() has started. The hart calls it on its own
/// stack, in the kernel's address space, with interrupts masked and without a timer deadline.
[[noreturn]] void kernel_hart_main(unsigned hart);
