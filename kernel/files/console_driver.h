// Between the console's device and the terminal: coroutines.
#pragma once

#include <async/task.h>

#include "files/terminal.h"

namespace kernel {

/// Runs for ever. Spawn it once, at a driver's priority.
async::Task<> drive_console(Terminal& terminal);

/// The other way, where the device has stopped taking bytes: tells who waits when it takes more.
/// The same.
async::Task<> revive_console(Terminal& terminal);

}  // namespace kernel
