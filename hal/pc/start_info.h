// What the PVH boot protocol passes to the kernel (Xen,
// xen/include/public/arch-x86/hvm/start_info.h).
#pragma once

#include <hal/boot.h>

#include <optional>
#include <span>
#include <string_view>

#include "acpi.h"

namespace hal::pc {

class StartInfo {
 public:
  /// The size of the direct map: addresses above it are not used.
  static constexpr std::uint64_t direct_map_bytes = std::uint64_t{1} << 46;

  /// Nothing if there is no start information at `address`.
  static std::optional<StartInfo> open(acpi::Memory memory, std::uint64_t address);

  /// The physical address of ACPI's root pointer; 0 if it is not known.
  std::uint64_t rsdp() const { return rsdp_; }
  std::string_view command_line() const { return command_line_; }
  /// The first module: the boot archive.
  std::optional<MemoryRange> archive() const { return archive_; }
  /// Fills `ranges` with the RAM of the memory map below `end`, sorted, without overlaps and empty
  /// ranges. Returns those that it has filled; ranges for which there is no room are lost.
  std::span<const MemoryRange> memory(std::span<MemoryRange> ranges,
                                      std::uint64_t end = direct_map_bytes) const;
  /// The memory of the start information itself and of the command line.
  std::array<MemoryRange, 2> own_ranges() const { return {own_, line_range_}; }

 private:
  StartInfo() = default;

  std::uint64_t rsdp_ = 0;
  std::string_view command_line_;
  MemoryRange own_{}, line_range_{};
  std::optional<MemoryRange> archive_;
  std::span<const std::byte> map_;
};

}  // namespace hal::pc
