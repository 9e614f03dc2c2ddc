// The trap path of the hosted machine: programs call the kernel (trap/run_user.h), so a trap does
// not switch page tables.
#pragma once

#include <hal/machine/translation.h>
#include <hal/page_table.h>
#include <trap/own_context.h>
#include <trap/user_context.h>

namespace trap {

/// Selects the address space for the next run_user() of `context` on this hart. A program can also
/// access other spaces' pages that happen to be mapped; this machine does not isolate programs.
inline void set_user_space(UserContext&, hal::TranslationToken token) {
  hal::set_translation(token);
}

/// Switches this hart to the kernel's own page table.
inline void leave_user_space() {
  hal::leave_user_space();
}

}  // namespace trap
