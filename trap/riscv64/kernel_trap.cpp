#include <hal/machine/csr.h>
#include <trap/kernel_trap.h>
#include <trap/path.h>
#include <trap/run_user.h>

extern "C" {
extern const char kernel_stack_guard[], kernel_stack_bottom[];
[[noreturn]] void cotrap_report_kernel_trap(const trap::UserContext& registers, std::uint64_t cause,
                                            std::uint64_t value) {
  const bool in_guard = value >= reinterpret_cast<std::uintptr_t>(kernel_stack_guard) &&
                        value < reinterpret_cast<std::uintptr_t>(kernel_stack_bottom);
  const trap::Trap trap = trap::decode(cause, value);
  trap::report_kernel_trap(trap, registers, in_guard && trap.kind == trap::Trap::page_fault);
}
}

void trap::install() {
  HAL_WRITE_CSR("stvec", entry_address());
}
