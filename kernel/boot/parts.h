// The last parts that main.cpp starts at boot: the console's terminals and the first process.
#pragma once

#include <async/async.h>

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

// console.cpp

/// The console's terminals, as the command line configures them.
struct ConsoleTerminals {
  Terminal& terminal;
  /// The terminal of the first program's standard error, if the command line has `stderr=framed`;
  /// otherwise null. It has no input and no settings.
  Terminal* errors;
};

/// Whether the console is a terminal. If not, its input is framed (files/line_editor.h).
bool console_is_terminal(const formats::BootOptions& options);

/// Creates the terminals and starts their driver. Call once, on the boot hart, after begin_hart().
ConsoleTerminals start_console(const formats::BootOptions& options);

// first_process.cpp

/// Starts the program of `init=`, or the first built-in one, or the shell, with the arguments of
/// `arg=` and the environment of `env=`. Its standard files are the console, but if `errors` is not
/// null, that terminal is its standard error. When the program ends, switches the machine off with
/// the program's exit status.
async::Task<> run_first_process(const formats::BootOptions& options, Terminal* errors);

// faults.cpp, in kernels that inject faults

/// Logs how many faults of each kind there were since the option `faults`.
void log_faults();

}  // namespace kernel
