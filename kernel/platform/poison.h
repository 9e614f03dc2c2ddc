// Marks the memory of free objects and frames, so that AddressSanitizer reports accesses to it. In
// builds without AddressSanitizer these functions do nothing.
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
