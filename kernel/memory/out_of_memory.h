// The panic for an allocation that can_allocate() admitted and that fails nevertheless.
#pragma once

namespace kernel::memory {

/// Stops the kernel with a report. Tests replace it.
[[noreturn]] void out_of_memory();

}  // namespace kernel::memory
