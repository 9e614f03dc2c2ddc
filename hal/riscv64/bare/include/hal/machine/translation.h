// The instructions of address translation on a machine without it: most do nothing.
#pragma once

#include <hal/machine/page_contents.h>
#include <hal/memory_map.h>

#include <string_view>

namespace hal {

using Asid = std::uint16_t;
/// The number of a space.
using TranslationToken = std::uint64_t;

/// What protects memory from programs, as boot prints it.
inline constexpr std::string_view protection =
    "nothing protects the kernel from programs, or programs from each other";

inline void set_translation(TranslationToken) {}
inline TranslationToken current_translation() {
  return 0;
}

/// Spaces get numbers as if there were tags in a TLB, which costs less than a machine without tags.
inline Asid highest_asid() {
  return 0xffff;
}

inline void translation_added(VirtAddr) {}
inline void flush_page(VirtAddr, Asid) {}
inline void flush_space(Asid) {}
inline void flush_all() {}

}  // namespace hal
