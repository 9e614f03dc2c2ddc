// A reader of cpio archives in the "newc" format, such as the boot archive (Linux's
// Documentation/driver-api/early-userspace/buffer-format.rst). Several archives may follow one
// another with zeros between them. The reader returns views into the archive and copies nothing.
//
//   CpioReader reader(archive);
//   while (auto entry = reader.next()) { if (!*entry) …broken…; use(**entry); }
#pragma once

#include <kernel/result.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/bytes.h"

namespace kernel::formats {

struct CpioEntry {
  std::string_view name;  ///< without leading "./" and "/"; "" is the root
  std::uint32_t mode;     ///< file type and permissions, as st_mode
  std::uint32_t inode;    ///< equal for the hard links of a file; one of them has the contents
  std::uint32_t links;
  std::uint32_t user;
  std::uint32_t group;
  std::uint32_t modified;  ///< seconds since 1970
  Bytes contents;
};

class CpioReader {
 public:
  static constexpr std::size_t max_name_bytes = 4096;

  explicit CpioReader(Bytes archive) : archive_(archive) {}

  /// The next entry. Empty at the end. If the archive is broken, returns EINVAL once, then empty.
  std::optional<Result<CpioEntry>> next();

 private:
  Result<CpioEntry> read_entry();

  Bytes archive_;
  std::size_t offset_ = 0;
};

}  // namespace kernel::formats
