// The file tree after the kernel has started:
//
//   /            the boot archive, read-only; or a folder of the host (RootParts::shared_root)
//   /dev         console tty ptmx pts null zero full random urandom, fd stdin stdout stderr;
//                vda … for each disk
//   /dev/shm     writable, in memory
//   /proc        information about the kernel
//   /sys         the harts
//   /tmp         writable, in memory
//   /mnt/TAG     a folder of the host, for each other file server of the machine
//   /etc/resolv.conf    the name servers, if the machine has a network and the archive no such file
//
// The other folders lie over those of the root folder with the same name, as mounts do. If the root
// folder has no such name, look-ups find them, but getdents does not list them.
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
#include "files/system_texts.h"
#include "files/terminal.h"

namespace kernel {

/// A text file of /proc. If `take` is null, the file is read-only.
struct Account {
  std::string_view name;
  TextFile::Write write;
  TextFile::Take take = nullptr;
};

/// The parts of the file tree. They must never be freed.
struct RootParts {
  std::span<const std::byte> archive;  ///< cpio newc; may be empty or broken
  std::string_view command_line;       ///< of the kernel, for /proc/cmdline
  Terminal& terminal;
  TerminalUsers* terminal_users;                    ///< of pseudo-terminals
  std::span<const Account> accounts;                ///< text files of /proc
  Directory::FindUnlisted find_process;             ///< /proc/PID
  Directory::NextUnlisted next_process;             ///< the numbers that /proc lists
  SystemLimits limits;                              ///< /proc/sys
  void (*fill_random)(std::span<std::byte> bytes);  ///< /dev/random
  bool shares_are_read_only = false;                ///< /mnt
  /// Whether the root is the folder of the file server `root` (share.h) instead of the archive.
  enum class SharedRoot : std::uint8_t { none, writable, read_only };
  SharedRoot shared_root = SharedRoot::none;
  TextFile::Write write_name_servers = nullptr;  ///< /etc/resolv.conf; null: there is none
};

/// Builds the tree under root_directory(). Call once, before the first process.
void build_root(const RootParts& parts);

/// /proc/mounts, and with Linux's details /proc/PID/mountinfo (proc(5)). In the strand.
void write_mounts(PagedText& out);
void write_mount_details(PagedText& out);

/// `path` without symbolic links, or as it is if it cannot be looked up. Empty: only a caller in
/// the strand can find it.
std::string real_path(std::string_view path);

/// Opens the file at `path` in order to execute it. EACCES: it is no regular file, or has no
/// execute bit. Other errors are those of find_node() and Node::open().
Result<Ref<File>> open_executable(const PathLookup& lookup, std::string_view path);
/// The same for a node that `lookup` has found.
Result<Ref<File>> open_executable(const PathLookup& lookup, Node& node);

}  // namespace kernel
