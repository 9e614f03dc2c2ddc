#include <hal/kernel_map.h>
#include <hal/machine/csr.h>
#include <trap/kernel_trap.h>
#include <trap/path.h>
#include <trap/router.h>
#include <trap/run_user.h>

extern "C" {
[[noreturn]] void cotrap_report_kernel_trap(const trap::UserContext& registers, std::uint64_t cause,
                                            std::uint64_t value) {
  const trap::Trap trap = trap::decode(cause, [value] { return value; });
  const bool page_fault = trap.kind == trap::Trap::page_fault;
  trap::report_kernel_trap(trap, registers, page_fault && hal::in_stack_guard(trap.address));
}
}

void trap::install() {
  add_hart_to_router();
  HAL_WRITE_CSR("stvec", entry_address());
}
