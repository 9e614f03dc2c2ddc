#include <hal/kernel_map.h>
#include <hal/machine/csr.h>
#include <trap/current_stack.h>
#include <trap/kernel_trap.h>
#include <trap/path.h>
#include <trap/router.h>
#include <trap/run_user.h>

extern "C" {
[[noreturn]] void cotrap_report_kernel_trap(const trap::UserContext& registers, std::uint64_t cause,
                                            std::uint64_t value) {
  trap::Trap trap = trap::decode(cause, [value] { return value; });
  bool may_overflow = trap.kind == trap::Trap::page_fault;
  if (trap.kind == trap::Trap::interrupt) {  // its registers do not fit into the stack at sp
    trap.address = registers.stack() - INTERRUPT_FRAME_SIZE;
    may_overflow = trap.address < trap::current_stack->bottom;
  }
  trap::report_kernel_trap(trap, registers, may_overflow && hal::in_stack_guard(trap.address));
}
}

void trap::install() {
  add_hart_to_router();
  HAL_WRITE_CSR(HAL_CSR("tvec"), entry_address());
}
