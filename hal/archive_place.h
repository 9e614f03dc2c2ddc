// Whether the kernel can use the boot archive where the firmware has put it.
#pragma once

#include <hal/boot.h>
#include <hal/console.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace hal {

/// Why the kernel cannot use `archive`; empty if it can. `ram`: after join_ranges(). `taken`: the
/// kernel's image, and what else the boot code reads later.
inline std::string_view trouble_with_archive(const MemoryRange& archive,
                                             std::span<const MemoryRange> ram,
                                             std::span<const MemoryRange> taken) {
  if (archive.size > ~std::uintptr_t{0} - archive.base) return "it ends behind the last address";
  const bool is_in_ram = std::ranges::any_of(ram, [&archive](const MemoryRange& range) {
    return range.base <= archive.base && archive.end() <= range.end();
  });
  if (!is_in_ram) return "it is not in the machine's memory";
  const bool overlaps = std::ranges::any_of(taken, [&archive](const MemoryRange& other) {
    return other.size != 0 && archive.base < other.end() && other.base < archive.end();
  });
  return overlaps ? "it overlaps the kernel" : "";
}

/// Prints why the kernel does not use the archive.
inline void report_archive(std::string_view trouble) {
  for (const std::string_view part : {std::string_view("cotrap: the boot archive is left out: "),
                                      trouble, std::string_view("\n")})
    console_write(part);
}

}  // namespace hal
