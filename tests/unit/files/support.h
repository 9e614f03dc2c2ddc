// Shared by the tests of kernel/files: buffers in kernel memory, and reading and writing strings.
#pragma once

#include <kernel/log.h>

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../memory/machine.h"
#include "files/file.h"

namespace test {

using kernel::Errno;
using kernel::IoBuffer;
using kernel::Ref;
using kernel::Result;

/// The lines of the kernel's log.
inline std::vector<std::string> log_lines;

inline std::span<std::byte> bytes_of(std::string& text) {
  return std::as_writable_bytes(std::span{text});
}
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

/// Reads up to `size` bytes; returns them or the error. Takes any object with `read(IoBuffer&)`.
template <class Source>
Result<std::string> read_from(Source&& read, std::size_t size) {
  std::string text(size, '?');
  IoBuffer buffer{bytes_of(text)};
  const Result<std::size_t> count = read(buffer);
  if (!count) return kernel::fail(count.error());
  CHECK(*count == size - buffer.left());
  return text.substr(0, *count);
}

/// Writes `text`; returns the number of bytes written.
template <class Sink>
Result<std::size_t> write_to(Sink&& write, std::string text) {
  IoBuffer buffer{bytes_of(text)};
  const Result<std::size_t> count = write(buffer);
  if (count) CHECK(*count == text.size() - buffer.left());
  return count;
}

inline Result<std::string> read(kernel::File& file, std::size_t size) {
  return read_from([&](IoBuffer& buffer) { return file.try_read(buffer); }, size);
}
inline Result<std::size_t> write(kernel::File& file, std::string text) {
  return write_to([&](IoBuffer& buffer) { return file.try_write(buffer); }, std::move(text));
}

/// `size` bytes, each different from its neighbours.
inline std::string pattern(std::size_t size, std::size_t start = 0) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((start + i) % 251);
  return text;
}

}  // namespace test
