// Marks for the plugins of QEMU (access_trace.c, hart_counts.c): the beginning and the end of what
// they measure. The same hart must execute both marks.
#pragma once

#include <user/machine/marks.h>

namespace bench {

using user::machine::mark_begin;
using user::machine::mark_end;

}  // namespace bench
