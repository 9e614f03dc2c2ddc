// For machines that never have a keyboard.
#include "boot/parts.h"

namespace kernel {

void start_keyboard(Terminal&) {}

}  // namespace kernel
