// Set-up of the clock, once `devices` is filled in.
#pragma once

#include <hal/timer.h>

namespace hal::riscv64 {

void timer_init();

}  // namespace hal::riscv64
