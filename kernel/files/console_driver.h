// From the console's device to the terminal, byte by byte: a coroutine.
#pragma once

#include <async/task.h>

#include "files/terminal.h"

namespace kernel {

/// Runs for ever. Spawn it once, at a driver's priority.
async::Task<> drive_console(Terminal& terminal);

}  // namespace kernel
