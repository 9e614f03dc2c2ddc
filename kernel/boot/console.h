// The console terminal, set up as the command line wants it.
#pragma once

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

/// Makes the terminal and starts its driver. Once, on the boot hart's executor.
Terminal& start_console(const formats::BootOptions& options);

}  // namespace kernel
