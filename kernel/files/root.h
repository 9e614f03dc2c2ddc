// The tree of files as programs find it when the kernel has started:
//
//   /            the boot archive, read-only
//   /dev         console tty null zero full random urandom, and vda … where there are disks
//   /proc        what the kernel tells about itself
//   /tmp         writable, in memory
#pragma once

#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "files/directory.h"
#include "files/path_lookup.h"
#include "files/regular_file.h"
#include "files/terminal.h"

namespace kernel {

/// A text of /proc.
struct Account {
  std::string_view name;
  TextFile::Write write;
  TextFile::Take take = nullptr;
};

/// What the tree is made from. All of it stays for ever.
struct RootParts {
  std::span<const std::byte> archive;  ///< cpio newc; may be empty or broken
  std::string_view command_line;       ///< the kernel's, for /proc/cmdline
  Terminal& terminal;
  std::span<const Account> accounts;                ///< what others put into /proc
  void (*fill_random)(std::span<std::byte> bytes);  ///< /dev/random
};

/// Once, before the first process.
void build_root(const RootParts& parts);

/// The program at `path`, whose `bytes()` are there. EACCES for what is not to be executed (a
/// directory, a file without an execute bit, one that programs can change), else as `find_node`.
Result<Ref<File>> open_executable(const PathLookup& lookup, std::string_view path);

}  // namespace kernel
