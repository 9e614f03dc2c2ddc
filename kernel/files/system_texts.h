// Files with facts about the machine that programs of Linux read: /proc/sys, the lists of
// partitions and swap spaces, and /sys.
#pragma once

#include <kernel/ref.h>

#include <cstddef>
#include <span>

#include "files/directory.h"

namespace kernel {

/// Facts that floors above `files` know.
struct SystemLimits {
  int process_numbers = 0;       ///< numbers of processes are below it
  std::size_t most_threads = 0;  ///< threads and processes together
};

/// Adds sys, partitions, swaps and vmstat to /proc. Call once, at boot.
void add_system_texts(Directory& proc, const SystemLimits& limits,
                      void (*fill_random)(std::span<std::byte> bytes));

/// The directory /sys: the harts, below devices/system/cpu.
Ref<Directory> make_sys();

}  // namespace kernel
