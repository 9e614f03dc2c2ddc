// Relocates a program: the kernel loads it at any address, so the addresses in its data must be
// adjusted. Until then no code here may use such an address or make a system call.
#pragma once

#include <cstdint>

namespace user {

// System V ABI, chapter 5, "Dynamic section".
struct Dynamic {
  std::int64_t tag;
  std::uint64_t value;
};
struct Relocation {
  std::uint64_t offset;
  std::uint64_t info;
  std::int64_t addend;
};

[[gnu::always_inline]] inline std::uint64_t value_of(const Dynamic* entry, std::int64_t tag) {
  for (; entry->tag != 0; ++entry) {
    if (entry->tag == tag) return entry->value;
  }
  return 0;
}

/// Adds `base`, the address of the program's first byte, to all addresses. `relative` is the
/// processor's number of the only type of relocation that a static-PIE program has.
template <std::uint32_t relative>
[[gnu::always_inline]] inline void relocate(std::uintptr_t base, const Dynamic* dynamic) {
  constexpr std::int64_t relocations_at = 7, relocations_bytes = 8;
  const auto* at = reinterpret_cast<const Relocation*>(base + value_of(dynamic, relocations_at));
  const auto count = value_of(dynamic, relocations_bytes) / sizeof(Relocation);
  for (const auto* end = at + count; at != end; ++at) {
    if (static_cast<std::uint32_t>(at->info) != relative) __builtin_trap();
    *reinterpret_cast<std::uint64_t*>(base + at->offset) =
        base + static_cast<std::uint64_t>(at->addend);
  }
}

}  // namespace user
