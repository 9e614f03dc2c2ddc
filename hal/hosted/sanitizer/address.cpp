// What AddressSanitizer is to leave to the kernel: signals and their stacks, and what is in its
// heap, of which it knows nothing. (Locals stay on the stacks that they are on: steps change
// stacks, and their frames with them.)
#include "../hart.h"

extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0:"
         "poison_array_cookie=0:detect_stack_use_after_return=0:detect_leaks=0";
}

void hal::hosted::begin_first_stack() {}
