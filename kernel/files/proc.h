// /proc: what the kernel tells about itself, as texts.
#pragma once

#include <string_view>

#include "files/directory.h"

namespace kernel {

/// What can be told from here. `command_line` stays valid for ever.
Ref<Directory> make_proc(std::string_view command_line);

}  // namespace kernel
