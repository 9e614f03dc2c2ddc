// The vDSO: a page of the kernel's code that programs execute in user mode, in order to read the
// clock without a trap (vdso(7)). AT_SYSINFO_EHDR tells them its address.
//
// All programs share the page. An address space gets its area at the first fault there. So programs
// that do not use it, such as Cotrap's own, cost nothing more, and their children neither.
#pragma once

#include <hal/memory_map.h>

#include <cstddef>

namespace kernel {

class Thread;

namespace vdso {

/// The bytes that the vDSO takes at the top of the place for the stack; 0: this machine has none.
extern const std::size_t bytes;

/// Writes the clock's parameters into the page. Call once, before the first program starts.
void start();

/// The wall clock has been set. In the strand.
void note_wall_clock();

/// Whether `address` is in the vDSO, and the caller's space has its area now. In the strand.
bool map_at(Thread& self, hal::VirtAddr address);

}  // namespace vdso
}  // namespace kernel
