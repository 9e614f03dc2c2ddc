// A cpio archive of the "newc" kind, read where it lies: the boot archive.
//
// (Linux's Documentation/driver-api/early-userspace/buffer-format.rst.) Several archives may follow
// one another with zeros between them. Views into the archive are returned, nothing is copied.
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
  std::string_view name;  ///< as in the archive, without "./" and leading "/"; "" is the root
  std::uint32_t mode;     ///< file type and permissions, as st_mode
  std::uint32_t inode;    ///< hard links of a file share it; only one of them has the contents
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

  /// The next entry; nothing at the end; EINVAL once where the archive is broken, then nothing.
  std::optional<Result<CpioEntry>> next();

 private:
  Result<CpioEntry> read_entry();

  Bytes archive_;
  std::size_t offset_ = 0;
};

}  // namespace kernel::formats
