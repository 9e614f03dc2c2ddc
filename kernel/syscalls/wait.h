// The children that wait4 and waitid report.
#pragma once

#include <kernel/result.h>

#include "process/process.h"

namespace kernel::sys {

/// A child of `parent` that has ended, if `options` have WEXITED, or else one that has stopped or
/// continued, if they have WUNTRACED or WCONTINUED. Null: none has changed. `id` selects the
/// children: -1: all; above 0: the one with this number; 0: those of the caller's group; below -1:
/// those of group -id. ECHILD: `id` selects no child. Looks at all children. In the strand.
Result<Process*> find_changed_child(Process& parent, int id, int options);

/// A thread that `tracer` traces and that has stopped or ended. Null: there is none. `id` as above.
/// ECHILD: `id` selects no thread that `tracer` traces.
Result<Tracee*> find_changed_tracee(Process& tracer, int id);

}  // namespace kernel::sys
