// Tells ThreadSanitizer about stack switches: each stack has a fiber, from its first use until it
// is free. A switch orders the accesses before it and after it, as on a hart. The linker wraps
// cotrap_leave_stack() with this. This file is built without a sanitizer.
#include <sanitizer/tsan_interface.h>
#include <trap/stack_switch.h>

extern "C" void __real_cotrap_leave_stack(trap::StackContext*, std::uintptr_t top, void (*go_on)());
extern "C" void __wrap_cotrap_leave_stack(trap::StackContext* context, std::uintptr_t top,
                                          void (*go_on)()) {
  constexpr unsigned in_order = 0;
  void* const fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(__tsan_create_fiber(0), in_order);
  __real_cotrap_leave_stack(context, top, go_on);
  void* const unused = __tsan_get_current_fiber();  // fiber of the stack that resumed this one
  __tsan_switch_to_fiber(fiber, in_order);
  __tsan_destroy_fiber(unused);
}
