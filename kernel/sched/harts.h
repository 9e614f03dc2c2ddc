// Starting the harts. Each hart runs an executor and never returns.
#pragma once

#include <async/async.h>

namespace kernel {

/// Installs the handlers of the harts' timers (devices/hart_timer.h). Call once, before
/// begin_hart().
void install_timer_handlers();

/// Prepares this hart to run jobs. Call once on each hart, before run_hart(). `smp_active`: other
/// harts run or will run.
void begin_hart(bool smp_active);

/// Runs this hart's jobs on the current stack. Call with interrupts masked.
[[noreturn]] void run_hart();

/// Starts the harts 1 … count - 1. Each logs its start. Memory must be initialized.
void start_other_harts(unsigned count);
/// Waits until all harts that start_other_harts() has started run jobs, so that the first program
/// finds them all. Gives up when no hart has started during 1,000 sleeps of 1 ms.
async::Task<> await_other_harts();

}  // namespace kernel
