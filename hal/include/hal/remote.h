// TLB shootdown: flushes the TLBs of other harts. Each call returns when all of `harts` have
// flushed. They may have interrupts masked: a hart that does not run a program flushes also in
// relax(), wait_for_interrupt() and take_ipi(). `harts` may include this hart. Any context.
#pragma once

#include <hal/hart.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

#include <cstddef>

namespace hal {

/// Like `flush_page`, for `pages` pages from `first` on in the space `asid`.
void flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages);

/// Like `flush_space`.
void flush_space_remote(HartMask harts, Asid asid);

/// Like `flush_all`.
void flush_all_remote(HartMask harts);

/// Like `synchronize_code`: code that this hart has written can be executed on `harts`.
void synchronize_code_remote(HartMask harts);

}  // namespace hal
