// Runs the first program. Its end switches the machine off.
#pragma once

#include <async/async.h>

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

/// Starts the program of `init=`, or the shell, with the arguments of `arg=` and the environment of
/// `env=`. Its standard files are the console, but if `errors` is not null, that terminal is its
/// standard error.
/// When the program ends, switches the machine off with the program's exit status.
async::Task<> run_first_process(const formats::BootOptions& options, Terminal* errors);

}  // namespace kernel
