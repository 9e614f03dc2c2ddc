// Makes the tree of files out of the boot archive.
#pragma once

#include <cstddef>
#include <span>

#include "files/directory.h"

namespace kernel {

/// Adds what is in `archive` to `root`; file contents stay in the archive, which is kept for ever.
/// Where the archive is broken, says so in the log and goes on with what came before. Directories
/// that an entry needs and that have no entry of their own are made. Returns how many entries were
/// taken.
std::size_t unpack_boot_archive(Directory& root, std::span<const std::byte> archive);

}  // namespace kernel
