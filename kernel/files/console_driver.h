// The coroutines between the console's device and the terminal. They run in the strand.
#pragma once

#include <async/task.h>

#include <chrono>
#include <span>

#include "console/console.h"
#include "console/input_source.h"
#include "files/terminal.h"

namespace kernel {

/// How long the driver waits while the queue of typed keys is full. After that, keys are lost until
/// a program reads, except those for signals, such as ^C. Framed input is never lost.
inline constexpr auto reader_timeout = std::chrono::seconds{1};

/// Passes received bytes from the device to the terminal while the terminal has room. Never
/// returns. Runs on the hart that the device interrupts.
async::Task<> bring_keys(InputSource& source, Terminal& terminal);

/// Wakes programs that wait to write when the console has room again. Never returns. Runs on the
/// hart that the device interrupts. The terminals and the array must never be freed.
async::Task<> let_programs_write(Console& console, std::span<Terminal* const> terminals);

}  // namespace kernel
