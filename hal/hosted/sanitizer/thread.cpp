// Options of ThreadSanitizer. The kernel handles signals and their stacks itself. The first report
// ends the process, because later reports may only be consequences of the first race. A machine
// with several harts would otherwise sleep for a second at its end.
#include <sanitizer/tsan_interface.h>

#include "../hart.h"

extern "C" [[clang::disable_sanitizer_instrumentation]] const char* __tsan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0:"
         "halt_on_error=1:atexit_sleep_ms=0:stack_trace_format=\"    #%n %f %S\"";
}

// Known races in diagnostic code. A panic asks the other harts to stop, waits a limited time, and
// then reads their state in any case. The report of a stalled step follows coroutines that may have
// continued or ended, and checks all it reads.
extern "C" [[clang::disable_sanitizer_instrumentation]] const char* __tsan_default_suppressions() {
  return "race:kernel::panic\n"
         "race:trap::report_kernel_trap\n"
         "race:log_stall\n";
}

// Each stack has a fiber while it is in use (trap/hosted/stacks_for_thread.cpp). The thread's
// initial fiber cannot be destroyed with its stack, so this switches to a new one.
[[clang::disable_sanitizer_instrumentation]] void hal::hosted::begin_first_stack() {
  __tsan_switch_to_fiber(__tsan_create_fiber(0), 0);
}
