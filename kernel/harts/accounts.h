// Statistics of the harts, as texts for /proc. All of it runs in the strand.
#pragma once

#include <async/time.h>

#include "memory/paged_text.h"

namespace kernel {

/// The sum of the harts' idle times since boot.
async::Duration idle_time();

/// /proc/harts: a heading, then a line for each started hart, with columns separated by tabs. The
/// counts since boot are switches to another user thread, migrations of jobs to this hart, IPIs
/// from other harts ("ipis"), and TLB shootdowns sent to others. The last column is the idle time
/// in ns.
void list_harts(PagedText& out);

/// /proc/interrupts: a column for each hart, as on Linux. A row for each external line that was
/// ever raised, with its driver and the driver's counts; the hart's own interrupts; and the rows of
/// the router (trap/router.h) by name.
void list_interrupts(PagedText& out);

/// /proc/stacks: a heading, then a line for each hart, with columns separated by tabs.
///
///   free          free stacks of its pool now
///   fewest_free   the fewest ever free
///   refused       preemptions that did not happen for want of a stack
///   came          preempted steps that came from other harts
///   most_bytes    for each stack, the most bytes ever used
void list_stacks(PagedText& out);

/// /proc/traps: the last events of the router on each hart: time in ns, hart, row. Empty unless the
/// kernel's command line has `trace`.
void list_traps(PagedText& out);

}  // namespace kernel
