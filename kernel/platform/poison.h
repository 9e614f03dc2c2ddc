// What AddressSanitizer is told of free objects and frames: nobody has this memory, so whoever
// looks at it is wrong. Elsewhere nothing.
#pragma once

#include <cstddef>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif

namespace kernel {

inline void poison([[maybe_unused]] const void* begin,
                   [[maybe_unused]] std::size_t bytes) noexcept {
#if __has_feature(address_sanitizer)
  __asan_poison_memory_region(begin, bytes);
#endif
}
inline void unpoison([[maybe_unused]] const void* begin,
                     [[maybe_unused]] std::size_t bytes) noexcept {
#if __has_feature(address_sanitizer)
  __asan_unpoison_memory_region(begin, bytes);
#endif
}

}  // namespace kernel
