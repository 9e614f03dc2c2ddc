// Files with facts about the machine that programs of Linux read: /proc/sys, the lists of
// partitions and swap spaces, and /sys.
#pragma once

#include <async/registry.h>
#include <kernel/ref.h>

#include <cstddef>
#include <span>

#include "files/directory.h"
#include "files/regular_file.h"

namespace kernel {

/// Facts that floors above `files` know.
struct SystemLimits {
  int process_numbers = 0;       ///< numbers of processes are below it
  std::size_t most_threads = 0;  ///< threads and processes together
};

/// Adds sys, partitions, swaps and vmstat to /proc. Call once, at boot.
void add_system_texts(Directory& proc, const SystemLimits& limits,
                      void (*fill_random)(std::span<std::byte> bytes));

/// A text that a source adds to a folder of /proc. The linker collects the entries
/// (async/registry.h).
struct ProcText {
  std::string_view name;  ///< the path below /proc: in net, sysvipc, sys/kernel or sys/fs/mqueue
  TextFile::Write write;
};
async::Registry<ProcText> proc_texts();
/// Adds `text`, a constexpr ProcText, in namespace kernel. `text_name`: its name.
#define KERNEL_PROC_TEXT(text_name, text) ASYNC_REGISTER(cotrap_proc_texts, text_name, text)

/// The directory /sys: the harts, below devices/system/cpu.
Ref<Directory> make_sys();

}  // namespace kernel
