// Tells AddressSanitizer about stack switches: the bounds of the new stack, and that a stack used
// anew holds no objects. The linker wraps cotrap_leave_stack() with this. This file is built
// without a sanitizer.
#include <hal/hosted.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <trap/stack_switch.h>

namespace {

using hal::VirtAddr;

[[gnu::noinline]] void now_on(const hal::KernelStack& stack) {
  __sanitizer_start_switch_fiber(nullptr, reinterpret_cast<const void*>(stack.bottom),
                                 stack.top - stack.bottom);
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
}

}  // namespace

extern "C" void __real_cotrap_leave_stack(trap::StackContext*, std::uintptr_t top, void (*go_on)());
extern "C" void __wrap_cotrap_leave_stack(trap::StackContext* context, std::uintptr_t top,
                                          void (*go_on)()) {
  const auto left = hal::hosted::kernel_stack_at(reinterpret_cast<VirtAddr>(context));
  const auto next = hal::hosted::kernel_stack_at(top - 1);
  __asan_unpoison_memory_region(reinterpret_cast<const void*>(next.bottom), top - next.bottom);
  now_on(next);
  __real_cotrap_leave_stack(context, top, go_on);
  now_on(left);  // another hart, and so another thread of the host, may have resumed this stack
}
