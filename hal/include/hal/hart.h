// The hart that runs this code, and data of which every hart has its own.
//
// Per-hart data is C++ `thread_local`: the linker lays every such variable out in one section, its
// offset from the section's start is a link-time constant, and `tp` holds the start of the running
// hart's copy. An access is one instruction. A copy is as large as `.tdata` + `.tbss`.
#pragma once

#include <cstdint>

namespace hal {

inline constexpr unsigned max_harts = 8;

/// A set of harts, hart n in bit n.
using HartMask = std::uint32_t;
static_assert(max_harts <= 32);

constexpr HartMask mask_of(unsigned hart) {
  return HartMask{1} << hart;
}

/// Number of the running hart: 0 is the one that booted, the others follow in device tree order.
unsigned hart_index();

/// Sleeps until an interrupt is pending. Call with interrupts masked: returns without taking it, so
/// nothing that becomes pending between the caller's last check and the sleep can be lost.
void wait_for_interrupt();

/// Whether there are other harts, or may be from now on. Any context.
bool smp_active();

/// Between two looks of a spinning hart at what it waits for.
void relax();

/// Nothing runs on this hart any more, whatever becomes pending.
[[noreturn]] void stop_hart();

/// Lets `hart`, not running so far, begin with `kernel_hart_main`. False when there is no memory
/// for its stack or the machine cannot start it. In the kernel's space; one caller at a time.
bool start_hart(unsigned hart);

/// The harts that have come as far as `kernel_hart_main` or `kernel_main`. Any context.
HartMask running_harts();

}  // namespace hal

#include <hal/machine/hart.h>  // what this machine inlines
