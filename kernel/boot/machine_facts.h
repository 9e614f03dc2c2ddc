// What the boot code learnt about the machine and system calls ask for. Set once by kernel_main.
#pragma once

#include <async/time.h>
#include <hal/boot.h>

namespace kernel {

void remember_machine(const hal::BootInfo& info);

/// Since 1970, at the start of the kernel's clock.
async::Duration wall_clock_at_boot();
unsigned hart_count();

}  // namespace kernel
