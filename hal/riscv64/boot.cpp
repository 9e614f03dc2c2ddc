// The boot hart's first C++ code: it makes a BootInfo from what the firmware passed.
//
// It runs on the boot page table (entry.S), which maps the first 256 GiB of physical memory.

#include <hal/boot.h>
#include <hal/console.h>
#include <hal/device_tree.h>
#include <hal/hart.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>
#include <hal/power.h>

#include <string_view>

#include "devices.h"
#include "find_devices.h"
#include "firmware.h"
#include "page_contents.h"
#include "serial_port.h"
#include "stacks.h"
#include "timer.h"
#include "vectors.h"

extern "C" {  // kernel.ld
extern void (*const kernel_init_array_start[])();
extern void (*const kernel_init_array_end[])();
extern char emergency_stack_top[];
}

constinit thread_local hal::VirtAddr hal_emergency_stack = 0;

namespace hal {

constinit thread_local unsigned this_hart_index = 0;
constinit thread_local bool this_hart_smp_active = false;

namespace riscv64 {

void interrupts_init();

namespace {

[[noreturn]] void give_up(std::string_view why) {
  console_write(why);
  power_off(1);
}

std::uint64_t read_wall_clock() {
  if (!devices.clock) return 0;
  constexpr std::size_t time_low = 0, time_high = 4;  // reading the low word latches the high one
  const std::uint64_t low = devices.clock.read<std::uint32_t>(time_low);
  const std::uint64_t high = devices.clock.read<std::uint32_t>(time_high);
  return (high << 32 | low) - now_ns();
}

}  // namespace
}  // namespace riscv64
}  // namespace hal

/// Called by entry.S with the firmware's arguments.
extern "C" [[noreturn]] void hal_start(std::uint64_t hart_id, hal::PhysAddr tree_address) {
  using namespace hal;
  using namespace hal::riscv64;
  hal_emergency_stack = reinterpret_cast<VirtAddr>(emergency_stack_top);
  start_clock();
  firmware::probe();
  const auto* blob = phys_to_virt(tree_address);
  const auto tree =
      DeviceTree::open({blob, DeviceTree::blob_size({blob, DeviceTree::header_bytes})});
  if (!tree) give_up("cotrap: the firmware passed no usable device tree\n");
  find_devices(*tree, hart_id);
  timer_init();
  serial::start();
  interrupts_init();
  zero_block_size = devices.zero_block_bytes;
  for (auto* constructor = kernel_init_array_start; constructor != kernel_init_array_end;
       ++constructor) {
    (*constructor)();
  }
  BootInfo info = describe_boot(*tree);
  vectors_init(info.hart_count);
  choose_page_instructions();
  info.wall_clock_ns = read_wall_clock();
  kernel_main(info);
}
