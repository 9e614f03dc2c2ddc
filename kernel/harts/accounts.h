// What harts have counted, as texts for /proc.
#pragma once

#include <async/time.h>

#include "memory/paged_text.h"

namespace kernel {

/// How long harts have had nothing to do since boot, all of them together.
async::Duration idle_time();

/// /proc/harts: a line a hart that has started, columns separated by tabs, a heading line first.
/// All since boot: how often it turned to another user thread, the jobs that came to it from
/// others, the interrupts that others sent it, how often it sent others one so that they forget
/// translations or instructions, and the time it had nothing to do.
void list_harts(PagedText& out);

/// /proc/interrupts: a column a hart, as Linux has it: a row for each external line that has ever
/// been raised, with its driver and what that makes of it, those of the hart's own, and those of
/// the router (trap/router.h) by name.
void list_interrupts(PagedText& out);

/// /proc/stacks: a line a hart: those of its pool that are free now, fewest ever, steps not
/// preempted for want of one, steps that came here in the midst, the most bytes that each of the
/// stacks it has made ever held.
void list_stacks(PagedText& out);

/// /proc/traps: the router's last events of every hart, while the kernel is told to keep them
/// (`trace` on its command line): time in ns, hart, row.
void list_traps(PagedText& out);

}  // namespace kernel
