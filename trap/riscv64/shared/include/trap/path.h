// The trap path `shared`: the kernel is mapped in the upper half of every address space, so a trap
// changes no translation. (The other one: trampoline/include/trap/path.h.)
#pragma once

#include <hal/machine/translation.h>
#include <hal/page_table.h>
#include <trap/own_context.h>
#include <trap/user_context.h>

extern "C" void cotrap_trap_entry();  // user_entry.S

namespace trap {

/// The address of the trap vector.
inline std::uintptr_t entry_address() {
  return reinterpret_cast<std::uintptr_t>(&cotrap_trap_entry);
}

/// From its next run_user on this hart, `context`'s program sees the space that `token` selects.
inline void set_user_space(UserContext&, hal::TranslationToken token) {
  if (hal::current_translation() != token) hal::set_translation(token);
}

/// Back to the kernel's own translations.
inline void leave_user_space() {
  hal::leave_user_space();
}

}  // namespace trap
