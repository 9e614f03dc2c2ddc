// The last parts that main.cpp starts at boot: the console's terminals, the network and the first
// process.
#pragma once

#include <async/async.h>

#include "files/regular_file.h"
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

// keyboard.cpp, or no_keyboard.cpp for machines that never have a keyboard

/// Starts the driver of the keyboard, if the machine has one. The driver passes keys to `terminal`,
/// as the console's driver passes bytes. Call it once, on the boot hart, after begin_hart().
void start_keyboard(Terminal& terminal);

// network.cpp, or no_network.cpp in kernels without lwIP

/// Starts eth0, with the address of `net=` or with DHCP, if the machine has a network device. Call
/// once, in the strand, when jobs can be spawned.
void start_network(const formats::BootOptions& options);
/// Waits for the address of eth0, for some seconds at most. Does nothing without eth0.
async::Task<> await_network();
/// Writes /etc/resolv.conf; null: the machine has no network.
TextFile::Write name_server_writer();

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
