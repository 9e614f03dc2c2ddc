// The vDSO's ELF image, as the linker has made it: without parameters (vdso_layout.h).
#pragma once

#include <trap/vdso_layout.h>

#include <cstddef>
#include <span>

extern "C" const std::byte cotrap_vdso_begin[], cotrap_vdso_end[];

namespace trap {

inline std::span<const std::byte> vdso_image() {
  return {cotrap_vdso_begin, cotrap_vdso_end};
}

}  // namespace trap
