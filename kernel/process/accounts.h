// Statistics of the harts and processes, as texts for /proc. All of it runs in the strand.
#pragma once

#include <kernel/result.h>

#include <cstdint>
#include <string_view>

#include "memory/paged_text.h"

namespace kernel {

/// /proc/uptime: the time since boot and the sum of the harts' idle times, in seconds.
void list_uptime(PagedText& out);

/// The idle time of a started hart up to now, in ns.
std::uint64_t idle_time(unsigned hart);

/// /proc/deadlines: a heading, then a line for each class of work (sched/runnable.h) that has
/// work, with columns separated by tabs. `overdue` is the work under way whose deadline has passed.
void list_deadlines(PagedText& out);

/// Changes the scheduling policy of all harts (sched/policies.h). Each thread passes its attributes
/// to the new policy before it runs its program again. EINVAL if there is no such policy.
Result<> change_policy(std::string_view name);

/// The number of system calls made on `hart` so far.
std::uint64_t syscalls_on(unsigned hart);

/// /proc/harts: a heading, then a line for each started hart, with columns separated by tabs. The
/// counts since boot are `switches` (sched/running.h), migrations of jobs to this hart, IPIs
/// from other harts ("ipis"), and TLB shootdowns sent to others. The last column is the idle time
/// in ns.
void list_harts(PagedText& out);

/// /proc/interrupts: a column for each hart, as on Linux. A row for each external line that was
/// ever raised, with its driver and the driver's counts; the hart's own interrupts; and the rows of
/// the router (trap/router.h) by name.
void list_interrupts(PagedText& out);

/// /proc/threads: a heading, then a line for each thread, with columns separated by tabs. `cause`:
/// why the thread last left user mode, or by which simulated trap it enters it (trap/cause.h). A
/// long list ends with the number of threads left out.
void list_threads(PagedText& out);

/// /proc/processes, the table that `ps` reads: a heading, then one line for each process, with
/// columns separated by tabs. A long list ends with the number of processes left out.
void list_processes(PagedText& out);

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
