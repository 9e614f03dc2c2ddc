#include "formats/cpio.h"

#include <algorithm>
#include <array>

#include "formats/numbers.h"

namespace kernel::formats {
namespace {

// The header is text: a magic of 6 characters, then 13 numbers of 8 hexadecimal digits.
constexpr std::string_view magic = "070701";
constexpr std::string_view trailer = "TRAILER!!!";
constexpr std::size_t header_bytes = 110;
enum Field : std::size_t {
  inode,
  mode,
  user,
  group,
  links,
  modified,
  file_bytes,
  device_major,
  device_minor,
  special_major,
  special_minor,
  name_bytes,
  checksum,
  field_count
};

constexpr std::uint64_t align4(std::uint64_t offset) {
  return (offset + 3) & ~std::uint64_t{3};
}

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view canonical(std::string_view name) {
  for (;;) {
    if (name.starts_with('/')) {
      name.remove_prefix(1);
    } else if (name.starts_with("./")) {
      name.remove_prefix(2);
    } else {
      return name == "." ? std::string_view{} : name;
    }
  }
}

}  // namespace

std::optional<Result<CpioEntry>> CpioReader::next() {
  for (;;) {
    // Zeros may separate archives and follow the last one.
    while (offset_ < archive_.size() && archive_[offset_] == std::byte{0}) ++offset_;
    if (offset_ == archive_.size()) return std::nullopt;
    Result<CpioEntry> entry = read_entry();
    if (!entry) offset_ = archive_.size();
    if (entry && entry->name == trailer) continue;
    return entry;
  }
}

Result<CpioEntry> CpioReader::read_entry() {
  const auto header = part(archive_, offset_, header_bytes);
  if (!header || !text(*header).starts_with(magic)) return fail(Errno::einval);
  std::array<std::uint32_t, field_count> fields;
  for (std::size_t i = 0; i < field_count; ++i) {
    const auto number = parse_number(text(*header).substr(magic.size() + 8 * i, 8), 16);
    if (!number) return fail(Errno::einval);
    fields[i] = static_cast<std::uint32_t>(*number);
  }

  // The name with its zeros, and the contents, are each padded to 4 bytes from the start of the
  // archive. A name may have more than one zero: this aligns contents to pages.
  const std::size_t name_offset = offset_ + header_bytes;
  const auto name = part(archive_, name_offset, fields[name_bytes]);
  if (!name || name->empty() || name->back() != std::byte{0}) return fail(Errno::einval);
  const std::uint64_t contents_offset = align4(name_offset + name->size());
  const auto contents = part(archive_, contents_offset, fields[file_bytes]);
  if (!contents) return fail(Errno::einval);
  const std::string_view whole_name = text(*name).substr(0, text(*name).find('\0'));
  if (whole_name.size() >= max_name_bytes) return fail(Errno::einval);

  offset_ = std::min<std::uint64_t>(align4(contents_offset + contents->size()), archive_.size());
  return CpioEntry{.name = canonical(whole_name),
                   .mode = fields[mode],
                   .inode = fields[inode],
                   .links = fields[links],
                   .user = fields[user],
                   .group = fields[group],
                   .modified = fields[modified],
                   .contents = *contents};
}

}  // namespace kernel::formats
