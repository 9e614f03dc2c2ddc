// Reading numbers and structures from untrusted bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

namespace kernel::formats {

using Bytes = std::span<const std::byte>;

/// The part [offset, offset + size); nothing if `bytes` ends before the part does.
inline std::optional<Bytes> part(Bytes bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(offset, size);
}

/// The T at `offset`, which may be unaligned, in this machine's byte order (little-endian).
template <class T>
  requires std::is_trivially_copyable_v<T>
std::optional<T> load(Bytes bytes, std::uint64_t offset) {
  const auto source = part(bytes, offset, sizeof(T));
  if (!source) return std::nullopt;
  T value;
  if (reinterpret_cast<std::uintptr_t>(source->data()) % alignof(T) == 0) {
    // The compiler inlines this copy, because it knows the size and the alignment.
    __builtin_memcpy(&value, std::assume_aligned<alignof(T)>(source->data()), sizeof value);
  } else {
    std::memcpy(&value, source->data(), sizeof value);
  }
  return value;
}

}  // namespace kernel::formats
