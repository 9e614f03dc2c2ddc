// Folders of the host, shared by a file server (9P): nodes and open files.
//
//   /          the folder of the file server `root`, if the boot option `root` asks for it
//   /mnt/TAG   the folder that the file server TAG shares
//
// Each look-up makes new nodes (fetched.h), so two nodes may be the same file of the host.
#pragma once

#include <async/task.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <string_view>

#include "files/directory.h"
#include "memory/paged_text.h"

namespace kernel {

class ShareClient;

/// The folder that the server of `client` shares. `client` must outlive it, and all nodes and files
/// in it.
Ref<Directory> shared_folder(ShareClient& client);

/// The tag of the file server whose folder can be the root.
inline constexpr std::string_view root_tag = "root";

/// The folder of the file server with root_tag. Null: the machine has no such server. Call once.
Ref<Directory> start_shared_root(bool read_only);

/// Adds /mnt with the folders of the other file servers, if there are any. They are read-only if
/// `read_only`. Call once, while the tree is built.
void mount_shares(Directory& root, bool read_only);

/// Writes back all pages of files that programs have written to by shared mappings. The first
/// error.
async::Task<Result<>> write_shares_back();

/// Writes the lines of shared folders for /proc/mounts.
void write_shares(PagedText& out);

}  // namespace kernel
