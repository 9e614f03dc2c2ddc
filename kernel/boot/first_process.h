// The first program: from the command line to its end, which is the machine's.
#pragma once

#include <async/async.h>

#include "files/terminal.h"
#include "formats/boot_options.h"

namespace kernel {

/// Starts the program that `init=` names (the shell if nothing does) with `arg=` and `env=`, its
/// standard files on the console, but for standard error if `errors` is not null; when it has
/// ended, switches the machine off with its exit status.
async::Task<> run_first_process(const formats::BootOptions& options, Terminal* errors);

}  // namespace kernel
