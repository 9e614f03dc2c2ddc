// What ThreadSanitizer is to leave to the kernel, and what it is told of harts. The first report
// ends the process: what follows from a race is not worth reading.
#include <sanitizer/tsan_interface.h>

#include "../hart.h"

extern "C" [[clang::disable_sanitizer_instrumentation]] const char* __tsan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0:"
         "halt_on_error=1:stack_trace_format=\"    #%n %f %S\"";
}

// Two look at what they know others to be changing. A panic reports what the other harts were
// doing: they are asked to stop, for a while, and then it takes what it finds. The report of a
// stalled step follows coroutines that may have gone on or ended since, and takes nothing on trust.
extern "C" [[clang::disable_sanitizer_instrumentation]] const char* __tsan_default_suppressions() {
  return "race:kernel::panic\n"
         "race:trap::report_kernel_trap\n"
         "race:log_stall\n";
}

// Each stack has a fiber of its own, as long as somebody is on it
// (trap/hosted/stacks_for_thread.cpp). The one that came with the thread could not be given up with
// the stack.
[[clang::disable_sanitizer_instrumentation]] void hal::hosted::begin_first_stack() {
  __tsan_switch_to_fiber(__tsan_create_fiber(0), 0);
}
