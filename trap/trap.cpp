#include <trap/current_stack.h>
#include <trap/trap.h>

namespace trap {

constinit thread_local const hal::KernelStack* current_stack = nullptr;

std::string_view name(Trap::Kind kind) {
  switch (kind) {
    case Trap::syscall:
    case Trap::would_block:
    case Trap::call_answered: return "system call";
    case Trap::page_fault: return "page fault";
    case Trap::interrupt: return "interrupt";
    case Trap::illegal_instruction: return "illegal instruction";
    case Trap::breakpoint: return "breakpoint";
    case Trap::misaligned: return "misaligned access";
    case Trap::access_fault: return "access fault";
    case Trap::arithmetic: return "arithmetic error";
    case Trap::unknown: break;
  }
  return "unknown trap";
}

}  // namespace trap
