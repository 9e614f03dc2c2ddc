// The trap path of a PC: the upper half of every address space maps the kernel, so a trap does not
// switch page tables.
#pragma once

#include <hal/machine/translation.h>
#include <hal/page_table.h>
#include <trap/own_context.h>
#include <trap/user_context.h>

namespace trap {

/// Selects the address space for the next run_user() of `context` on this hart.
inline void set_user_space(UserContext&, hal::TranslationToken token) {
  if (hal::current_translation() != token) hal::set_translation(token);
}

/// Switches this hart to the kernel's own page table.
inline void leave_user_space() {
  hal::leave_user_space();
}

}  // namespace trap
