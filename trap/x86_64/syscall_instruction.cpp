#include <sys/prctl.h>
#include <trap/emulated.h>
#include <trap/hart_record.h>
#include <trap/syscall_instruction.h>

extern "C" {  // signal_entry.S: makes system calls while HartRecord::syscalls may be 1
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
