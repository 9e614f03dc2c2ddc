// The console's terminals, as the command line configures them.
#pragma once

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

struct ConsoleTerminals {
  Terminal& terminal;
  /// The terminal of the first program's standard error, if the command line has `stderr=framed`;
  /// otherwise null. It has no input and no settings.
  Terminal* errors;
};

/// Creates the terminals and starts their driver. Call once, on the boot hart, after begin_hart().
ConsoleTerminals start_console(const formats::BootOptions& options);

}  // namespace kernel
