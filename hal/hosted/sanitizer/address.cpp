// Options of AddressSanitizer. The kernel handles signals and their stacks itself, and has its own
// heap. Locals must stay on the real stack, because steps change stacks.
#include "../hart.h"

extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0:"
         "poison_array_cookie=0:detect_stack_use_after_return=0:detect_leaks=0";
}

void hal::hosted::begin_first_stack() {}
