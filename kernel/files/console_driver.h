// Between the console's device and the terminal, in the strand: coroutines.
#pragma once

#include <async/task.h>

#include <chrono>
#include <span>

#include "devices/console.h"
#include "files/terminal.h"

namespace kernel {

/// How long a program may leave a full queue of typed keys unread. Then what is typed is lost until
/// it reads, but ^C is heard. Where input is framed nothing is ever lost.
inline constexpr auto patience_with_reader = std::chrono::seconds{1};

/// Brings what the device has received to the terminal, as far as that has room. Runs for ever on
/// the hart that the device interrupts.
async::Task<> bring_keys(Console& console, Terminal& terminal);

/// Tells programs that wait to write to any of the terminals when there is room. The same. The
/// terminals and their list stay for ever.
async::Task<> let_programs_write(Console& console, std::span<Terminal* const> terminals);

}  // namespace kernel
