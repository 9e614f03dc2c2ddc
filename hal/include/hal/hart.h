// The hart that runs the caller, and per-hart data.
//
// Per-hart data is C++ `thread_local`. The linker puts all these variables into one section, so
// each has a constant offset. The thread pointer (riscv64: `tp`) holds the address of the
// running hart's copy, so an access is one instruction. A copy is as large as `.tdata` and `.tbss`
// together.
#pragma once

#include <hal/limits.h>

#include <bit>
#include <cstdint>

namespace hal {

/// A set of harts: bit n stands for hart n.
using HartMask = std::uint64_t;
static_assert(max_harts <= 64);

constexpr HartMask mask_of(unsigned hart) {
  return HartMask{1} << hart;
}

/// Calls each(hart) for each hart of `harts`, in ascending order.
template <class Each>
void for_each_hart(HartMask harts, Each&& each) {
  for (; harts != 0; harts &= harts - 1) each(static_cast<unsigned>(std::countr_zero(harts)));
}

/// Number of the running hart. The boot hart is 0; the others follow in device tree order.
unsigned hart_index();

/// Sleeps until an interrupt is pending. Call it with interrupts masked; it does not take the
/// interrupt. An interrupt that arrives between the caller's last check and the sleep ends the
/// sleep at once, so no wake-up is lost.
void wait_for_interrupt();

/// False until the first call of start_hart(); true from then on, even if that start fails. Any
/// context.
bool smp_active();

/// Call it between two polls of a spin loop. It may give the host's processor to another hart.
void relax();

/// Stops this hart for good: masks all interrupts and sleeps.
[[noreturn]] void stop_hart();

/// Starts `hart`, which calls `kernel_hart_main`. Returns false if there is no memory for its stack
/// or the machine cannot start it. Call it after enter_kernel_space(), one caller at a time.
bool start_hart(unsigned hart);

/// The harts that have started. Any context.
HartMask running_harts();

}  // namespace hal

#include <hal/machine/hart.h>  // the functions that this machine inlines
