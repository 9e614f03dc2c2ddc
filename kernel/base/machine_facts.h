// Facts about the machine that system calls need. kernel_main() sets them once.
#pragma once

#include <async/time.h>
#include <hal/boot.h>

#include <string_view>

namespace kernel {

void remember_machine(const hal::BootInfo& info);

/// The wall-clock time when the kernel's clock was 0, since 1970. Any context.
async::Duration wall_clock_at_boot();
/// Sets the wall clock. In the strand.
void set_wall_clock_at_boot(async::Duration time);
unsigned hart_count();
/// The instruction set of a hart as the device tree describes it; empty if unknown.
std::string_view hart_isa(unsigned hart);

}  // namespace kernel
