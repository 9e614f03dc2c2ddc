// What ThreadSanitizer knows of a thread (its calls, above all) it is to keep for each stack: a
// fiber is begun with a stack and ends when its stack is nobody's any more. Switching from one to
// the other puts what either does into order, as it is on a hart. The linker puts this around
// stack_switch.S; built without the sanitizer.
#include <sanitizer/tsan_interface.h>
#include <trap/stack_switch.h>

extern "C" void __real_cotrap_leave_stack(trap::StackContext*, std::uintptr_t top, void (*go_on)());
extern "C" void __wrap_cotrap_leave_stack(trap::StackContext* context, std::uintptr_t top,
                                          void (*go_on)()) {
  constexpr unsigned in_order = 0;
  void* const fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(__tsan_create_fiber(0), in_order);
  __real_cotrap_leave_stack(context, top, go_on);
  void* const unused = __tsan_get_current_fiber();  // of the stack that this was called on
  __tsan_switch_to_fiber(fiber, in_order);
  __tsan_destroy_fiber(unused);
}
