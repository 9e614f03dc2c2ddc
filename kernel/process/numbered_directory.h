// The directories of /proc/PID whose names are numbers: fd, fdinfo and task.
//
// Their nodes are made by look-ups. The directory keeps them until it ends, or until a later
// look-up finds that their number no longer exists. So a directory has at most as many nodes as
// descriptors or threads existed at one time, and those that were looked up since.
#pragma once

#include <memory>

#include "files/directory.h"

namespace kernel {

/// Makes the directory of the links to the open files of the process `id`. The caller has checked
/// that there is memory for numbered_directory_bytes, as for the two others.
Ref<Directory> make_descriptor_links(int id);
/// Makes the directory of the texts about its open files.
Ref<Directory> make_descriptor_texts(int id);
/// Makes the directory of its threads.
Ref<Directory> make_thread_directories(int id);

extern const std::size_t numbered_directory_bytes;

}  // namespace kernel
