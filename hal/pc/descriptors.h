// The tables through which the processor finds segments, stacks and gates: GDT, TSS and IDT (Intel
// SDM, volume 3, "Protected-Mode Memory Management" and "Interrupt and Exception Handling").
#pragma once

#include <hal/memory_map.h>

#include <cstdint>

namespace hal::pc {

/// Segment selectors. The order is that which the instructions syscall and sysret expect.
enum Selector : std::uint16_t {
  kernel_code = 0x08,
  kernel_data = 0x10,
  user_data = 0x20 | 3,
  user_code = 0x28 | 3,
  task = 0x30,
};

/// Loads the tables of this hart. `hart`: its number. NMIs use the stack that ends at
/// `nmi_stack_top`; double faults and machine checks use the one that ends at
/// `emergency_stack_top`. Both ends are multiples of 16. Sets hal_emergency_stack. Keeps the base
/// addresses of FS and GS.
void load_descriptors(unsigned hart, VirtAddr nmi_stack_top, VirtAddr emergency_stack_top);

}  // namespace hal::pc
