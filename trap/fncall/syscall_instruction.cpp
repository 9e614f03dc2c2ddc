#include <sys/prctl.h>
#include <trap/emulated.h>
#include <trap/hart_record.h>
#include <trap/syscall_instruction.h>

#include <cstdint>

// The bounds of the code in signal_entry.S. This code makes system calls of its own, at points
// where HartRecord::syscalls can still be 1, so prctl() exempts this range.
extern "C" {
void cotrap_signal_entry();
void cotrap_signal_end();
}

bool trap::catch_syscall_instructions(bool on) {
  constexpr int set_dispatch = 59;  // PR_SET_SYSCALL_USER_DISPATCH
  if (!on) return prctl(set_dispatch, 0, 0, 0, 0) == 0;
  // valgrind makes the program's system calls from its own code, outside the permitted range.
  if (is_emulated()) return false;
  const auto start = reinterpret_cast<std::uintptr_t>(cotrap_signal_entry);
  const auto end = reinterpret_cast<std::uintptr_t>(cotrap_signal_end);
  return prctl(set_dispatch, 1, start, end - start, &cotrap_hart.syscalls) == 0;
}
