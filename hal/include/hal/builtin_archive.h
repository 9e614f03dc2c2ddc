// The boot archive that is linked into the kernel's image, with the programs that the build option
// COTRAP_BUILTIN names. cmake/builtin.cmake packs it. A kernel without the option links an empty
// one from the library hal/.
#pragma once

#include <cstddef>
#include <span>

extern "C" const std::byte cotrap_builtin_archive[], cotrap_builtin_archive_end[];

namespace hal {

/// Empty if no programs are built in. Only the machine's boot code uses it; the kernel gets
/// BootInfo::initrd.
inline std::span<const std::byte> builtin_archive() {
  return {cotrap_builtin_archive, cotrap_builtin_archive_end};
}

}  // namespace hal
