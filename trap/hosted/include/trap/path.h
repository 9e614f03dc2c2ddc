// How the kernel of a Linux process is reached: by a call (trap/run_user.h), with nothing to
// switch.
#pragma once

#include <hal/machine/translation.h>
#include <hal/page_table.h>
#include <trap/own_context.h>
#include <trap/user_context.h>

namespace trap {

/// From its next run_user on this hart, `context`'s program has the pages of the space that `token`
/// selects; what it touches of others' is a fault only if it is not there.
inline void set_user_space(UserContext&, hal::TranslationToken token) {
  hal::set_translation(token);
}

/// Back to the kernel's own translations.
inline void leave_user_space() {
  hal::leave_user_space();
}

}  // namespace trap
