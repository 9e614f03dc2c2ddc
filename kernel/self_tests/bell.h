// Access to the bell (hal/bell.h). The bell has one user at a time: a self-test, or the coroutine
// that set_bell() has started.
#pragma once

#include "devices/interrupts.h"
#include "self_tests/self_tests.h"

namespace kernel::self_tests {

/// The bell's interrupt line. The handler and the ringing job run on the line's hart.
async::Interrupt& bell();

/// Ends the handler of set_bell(), then runs `self_test` on the bell's hart. ENXIO without a bell.
/// EINTR if the caller is cancelled before the start; a later cancellation goes to the
/// self-test.
async::Task<Result<Words>> with_bell(async::Task<Result<Words>> self_test);

/// Call when a handler begins, on the bell's hart: silences the bell and enables its line.
void open_bell();
/// Call when the handler has served an interrupt: silences the bell and completes the interrupt.
void quiet_bell();
/// Call when the handler ends: disables the line.
void close_bell();

}  // namespace kernel::self_tests
