// Who has the bell (hal/bell.h): one self-test, or the handler that set_bell() has left behind.
#pragma once

#include "devices/interrupts.h"
#include "self_tests/self_tests.h"

namespace kernel::self_tests {

/// The bell's line; its handler and who rings run on the line's hart.
async::Interrupt& bell();

/// Runs `self_test` on the bell's hart with nobody else waiting for the bell. ENXIO without a bell;
/// EINTR if the caller is cancelled before it begins, later it is the self-test that is cancelled.
async::Task<Result<Words>> with_bell(async::Task<Result<Words>> self_test);

/// A handler begins: silent, and from now on the line is its own. On the bell's hart.
void open_bell();
/// It has served a ring.
void quiet_bell();
/// It ends; the line is nobody's.
void close_bell();

}  // namespace kernel::self_tests
