// The first program: from the command line to its end, which is the machine's.
#pragma once

#include <async/async.h>

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

/// Starts the program that `init=` names, or the shell, with `arg=` and `env=`. Its standard files
/// are the console; if `errors` is not null, that is its standard error. When the program has
/// ended, switches the machine off with its exit status.
async::Task<> run_first_process(const formats::BootOptions& options, Terminal* errors);

}  // namespace kernel
