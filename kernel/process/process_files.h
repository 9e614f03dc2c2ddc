// The files of /proc that list processes' system calls, and the directories /proc/PID. Their texts
// are in process_texts.h.
//
// A process owns its directory: the first look-up of /proc/PID makes it, and it is removed when the
// process is reaped. Afterwards it is empty and has no parent, like any directory that was removed,
// and lives as long as a file or a working directory refers to it.
#pragma once

#include <kernel/result.h>

#include <cstddef>
#include <string_view>

#include "files/directory.h"
#include "memory/paged_text.h"

namespace kernel {

/// The smallest number of a process behind `after`; negative: there is none. See
/// Directory::set_next_unlisted().
int next_process(const Directory& proc, int after);

/// Finds the directory of the process whose number is `name` in decimal; null if there is no such
/// process. The directory /proc calls it for names that it does not list
/// (Directory::set_find_unlisted()).
Result<Node*> find_process_directory(Directory& proc, std::string_view name);

/// The most bytes of the lists below, except for a last line: more would take too long in one step.
inline constexpr std::size_t longest_call_list = 15'000;
/// The most threads that a list looks at, for the same reason.
inline constexpr std::size_t most_listed_threads = 2'000;

/// Writes the table of /proc/syscalls: a heading, then a line for each number that a thread has
/// called while calls were counted, with columns separated by tabs. The thread 0 stands for all
/// threads of its process that have ended. A list that is cut off ends with a line that says so.
void list_all_syscalls(PagedText& out);

}  // namespace kernel
