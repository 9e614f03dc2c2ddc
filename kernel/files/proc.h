// /proc: information about the kernel, as text files.
#pragma once

#include <string_view>

#include "files/directory.h"

namespace kernel {

/// Creates /proc with self/exe, version, meminfo, cpuinfo, disks and cmdline; build_root()
/// adds the other files. `command_line` must never be freed.
Ref<Directory> make_proc(std::string_view command_line);

}  // namespace kernel
