// The end of a kernel that promised memory it did not have.
#pragma once

namespace kernel::memory {

/// Stops the kernel with a report; tests define their own.
[[noreturn]] void out_of_memory();

}  // namespace kernel::memory
