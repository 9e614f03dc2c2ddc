// Builds the file tree from the boot archive.
#pragma once

#include <cstddef>
#include <span>

#include "files/directory.h"

namespace kernel {

/// Adds the entries of `archive` to `root`. File contents stay in the archive, which must never be
/// freed. If the archive is broken, logs it and keeps the entries before the defect. Creates
/// missing parent directories. Returns the number of entries added.
std::size_t unpack_boot_archive(Directory& root, std::span<const std::byte> archive);

}  // namespace kernel
