#include "user/files.h"

#include <algorithm>
#include <cstring>

#include "user/print.h"

namespace user {

Result<std::string> read_all(Fd fd) {
  std::string text;
  for (;;) {
    char buffer[2048];
    const auto count = read(fd, std::span{buffer});
    if (!count) return std::unexpected{count.error()};
    if (*count == 0) return text;
    text.append(buffer, *count);
  }
}

Result<std::string> read_file(const char* path) {
  const auto fd = open(path);
  if (!fd) return std::unexpected{fd.error()};
  auto text = read_all(*fd);
  static_cast<void>(close(*fd));
  return text;
}

std::optional<std::string> LineReader::next() {
  for (;;) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (ended_) {
      if (buffer_.empty()) return {};
      return std::exchange(buffer_, {});
    }
    char bytes[1024];
    const auto count = read(fd_, std::span{bytes, bytewise_ ? 1 : sizeof bytes});
    if (!count && count.error() == Errno::eintr) return "";
    if (!count) error_ = count.error();
    ended_ = count.value_or(0) == 0;
    buffer_.append(bytes, count.value_or(0));
  }
}

Result<std::vector<DirectoryItem>> list_directory(const char* path) {
  const auto fd = open(path, abi::o_rdonly | abi::o_directory);
  if (!fd) return std::unexpected{fd.error()};
  std::vector<DirectoryItem> items;
  Result<std::size_t> count;
  for (;;) {
    alignas(8) std::byte buffer[2048];
    count = call<std::size_t>(Call::getdents64, *fd, buffer, sizeof buffer);
    if (count.value_or(0) == 0) break;
    for (std::size_t at = 0; at < *count;) {
      abi::DirectoryEntry entry;
      std::memcpy(&entry, buffer + at, sizeof entry);
      const std::string_view name =
          reinterpret_cast<const char*>(buffer + at + abi::directory_entry_name);
      if (name != "." && name != "..") items.push_back({std::string{name}, entry.type});
      at += entry.record_length;
    }
  }
  static_cast<void>(close(*fd));
  if (!count) return std::unexpected{count.error()};
  std::ranges::sort(items, {}, &DirectoryItem::name);
  return items;
}

Result<Fd> open_input(std::string_view tool, const char* path) {
  if (std::string_view{path} == "-") return standard_input;
  const auto fd = open(path);
  if (!fd) complain("{}: {}: {}", tool, path, abi::description(fd.error()));
  return fd;
}

}  // namespace user
