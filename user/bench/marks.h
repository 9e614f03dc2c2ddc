// Marks the begin and the end of what a plugin of QEMU measures: user/bench/access_trace.c,
// user/bench/strand_times.c. The same hart executes both marks.
#pragma once

#include <user/machine/marks.h>

namespace bench {

using user::machine::mark_begin;
using user::machine::mark_end;

}  // namespace bench
