#include <sys/prctl.h>
#include <trap/emulated.h>
#include <trap/hart_record.h>
#include <trap/syscall_instruction.h>

// The bounds of the code in signal_entry.S. This code makes system calls of its own, at points
// where HartRecord::syscalls can still be 1, so prctl() exempts this range.
extern "C" {
extern const char cotrap_signal_entry[];
extern const char cotrap_signal_end[];
}

bool trap::catch_syscall_instructions(bool on) {
  constexpr int set_dispatch = 59;  // PR_SET_SYSCALL_USER_DISPATCH
  if (!on) return prctl(set_dispatch, 0, 0, 0, 0) == 0;
  // valgrind makes the program's system calls from its own code, outside the permitted range.
  if (is_emulated()) return false;
  return prctl(set_dispatch, 1, cotrap_signal_entry, cotrap_signal_end - cotrap_signal_entry,
               &cotrap_hart.syscalls) == 0;
}
