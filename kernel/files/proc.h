// /proc: what the kernel tells about itself, as texts.
#pragma once

#include <string_view>

#include "files/directory.h"
#include "files/regular_file.h"

namespace kernel {

/// `command_line` stays valid for ever.
Ref<Directory> make_proc(TextFile::Write list_processes, std::string_view command_line);

}  // namespace kernel
