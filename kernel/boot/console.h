// The console terminal, and where standard error goes, set up as the command line wants it.
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

/// Makes the terminals and starts their driver. Once, on the boot hart's executor.
ConsoleTerminals start_console(const formats::BootOptions& options);

}  // namespace kernel
