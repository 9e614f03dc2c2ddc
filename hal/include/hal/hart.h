// The hart that runs this code, and data of which every hart has its own.
//
// Per-hart data is C++ `thread_local`: the linker lays every such variable out in one section, its
// offset from the section's start is a link-time constant, and `tp` holds the start of the running
// hart's copy. An access is one instruction. A copy is as large as `.tdata` + `.tbss`.
#pragma once

namespace hal {

inline constexpr unsigned max_harts = 8;

/// Number of the running hart: 0 is the one that booted, the others follow in device tree order.
unsigned hart_index();

/// Sleeps until an interrupt is pending. Call with interrupts masked: returns without taking it, so
/// nothing that becomes pending between the caller's last check and the sleep can be lost.
void wait_for_interrupt();

}  // namespace hal

#include <hal/machine/hart.h>  // what this machine inlines
