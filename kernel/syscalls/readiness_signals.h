// Signals of files that become ready, and of directories that change: O_ASYNC, F_NOTIFY, and the
// commands of fcntl(2) for them.
//
// All functions run in the strand.
#pragma once

#include <kernel/result.h>

#include <cstdint>

namespace kernel {

class File;
class Thread;

namespace sys {

/// Turns the signals of a file on or off, which has the descriptor `fd`. Files that cannot send
/// signals ignore it. ENOMEM.
Result<> set_async(File& file, int fd, bool on);

/// F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX. EINVAL; ESRCH; EFAULT; ENOMEM.
Result<int> control_signal(Thread& self, File& file, int command, std::uintptr_t argument);

/// F_NOTIFY: the changes in a directory, abi::dn_…, send its signal. 0 or DN_MULTISHOT: no longer.
/// ENOTDIR; ENOMEM.
Result<int> note_changes(Thread& self, File& file, int fd, unsigned changes);

/// FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP. `argument`: the address of an int.
Result<int> control_socket_owner(Thread& self, File& file, unsigned long request,
                                 std::uintptr_t argument);

}  // namespace sys
}  // namespace kernel
