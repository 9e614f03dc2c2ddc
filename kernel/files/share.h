// Folders of the host, shared by a file server (9P): nodes and open files.
//
//   /mnt/TAG   the folder that the file server TAG shares
//
// Each look-up makes new nodes (fetched.h), so two nodes may be the same file of the host.
#pragma once

#include <kernel/ref.h>

#include "files/directory.h"

namespace kernel {

class ShareClient;

/// The folder that the server of `client` shares. `client` must outlive it, and all nodes and files
/// in it.
Ref<Directory> shared_folder(ShareClient& client);

/// Adds /mnt with the folders of all file servers, if there are any. They are read-only if
/// `read_only`. Call once, while the tree is built.
void mount_shares(Directory& root, bool read_only);

}  // namespace kernel
