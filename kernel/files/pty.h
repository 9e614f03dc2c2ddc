// Pseudo-terminals (pty(7)): a terminal whose device is a program, which has the other end open.
//
//   program at the terminal                     program that is the device
//   /dev/pts/N ◀──────── Terminal ◀──────── write  an open of
//              ────────▶  output  ────────▶ read   /dev/ptmx
//
// An open of /dev/ptmx makes a pair, with the lowest free number. When that open file ends, the
// terminal hangs up, and /dev/pts/N is no longer found. All functions run in the strand.
#pragma once

#include <kernel/ref.h>

#include "files/directory.h"
#include "files/terminal.h"

namespace kernel {

/// The most pairs at a time; one more fails with ENOSPC.
inline constexpr int most_ptys = 1024;

/// Makes /dev/pts, which lists the terminals and has ptmx. All terminals of /dev/pts use `users`
/// for job control.
Ref<Directory> make_pty_directory(TerminalUsers* users);
/// Makes /dev/ptmx.
Ref<Node> make_pty_multiplexer();

}  // namespace kernel
