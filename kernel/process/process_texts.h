// The texts of /proc/PID, in the formats of Linux (proc(5)). Each function writes the text of the
// process `id`; a process that does not exist any more has empty texts. In the strand.
#pragma once

#include "memory/paged_text.h"

namespace kernel {

void write_process_stat(PagedText& out, int id);
void write_process_statm(PagedText& out, int id);
void write_process_status(PagedText& out, int id);
void write_process_name(PagedText& out, int id);
/// The same about one of its threads, the thread `id`.
void write_thread_stat(PagedText& out, int id);
void write_thread_status(PagedText& out, int id);
void write_thread_name(PagedText& out, int id);
/// The arguments, each with its zero, as the program has them in memory now. Empty for a zombie.
void write_process_arguments(PagedText& out, int id);
/// The environment that execve has passed, as it is in memory now.
void write_process_environment(PagedText& out, int id);
/// The resource limits (getrlimit(2)).
void write_process_limits(PagedText& out, int id);
/// The areas. A list of more than 100,000 bytes is cut off.
void write_process_areas(PagedText& out, int id);

// Texts of the machine, which programs read together with those above.

/// /proc/stat: the time of each hart, in hundredths of a second, and some counts.
void write_times(PagedText& out);
/// /proc/loadavg. The kernel takes no averages: each of them is the number of ready threads.
void write_load(PagedText& out);

}  // namespace kernel
