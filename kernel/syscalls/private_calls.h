// The private calls of threads. dispatch/private_calls.h has the table, and explains the line
// `cotrap:`.
#pragma once

#include <kernel/result.h>

#include <cstdint>

namespace kernel {
class Thread;
}

namespace kernel::sys {

/// cotrap: Sets the register that points to the caller's thread-local storage.
Result<> set_thread_pointer(Thread&, std::uintptr_t address);

/// cotrap: Tells the scheduling policy the deadline and the weight of the caller's present work.
///   Another number or class ends the previous work, which `/proc/deadlines` counts by class.
///   EINVAL for a weight above `most_weight` and for a class from `work_classes` on.
Result<> hint_work(Thread&, std::uint64_t number, std::uint64_t deadline, std::uint64_t weight,
                   std::uint64_t work_class);

/// cotrap: Shares 8 bytes of memory in which the program's scheduler and the kernel's tell each
///   other how urgent their work is. Errors: EINVAL, EFAULT.
Result<> share_priority(Thread&, std::uintptr_t address);

}  // namespace kernel::sys
