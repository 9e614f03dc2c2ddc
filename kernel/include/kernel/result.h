// The result of a kernel function that can fail: a value, or one of Linux's error numbers.
#pragma once

#include <abi/errno.h>

#include <expected>

namespace kernel {

using abi::Errno;

template <class T = void>
using Result = std::expected<T, Errno>;

constexpr std::unexpected<Errno> fail(Errno error) {
  return std::unexpected(error);
}

/// Whether a call with this result must wait: for its object, or for a page-in. Then the caller
/// makes it again.
template <class T>
constexpr bool blocks(const Result<T>& result) {
  return !result && result.error() == Errno::would_block;
}

}  // namespace kernel
