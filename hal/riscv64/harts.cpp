// Starts the harts that the firmware has left stopped (SBI specification 2.0, chapter 9).
#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>
#include <hal/machine/translation.h>
#include <hal/timer.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "devices.h"
#include "firmware.h"
#include "hart_start_layout.h"
#include "stacks.h"
#include "timer.h"
#include "vectors.h"

extern "C" {
extern const char kernel_tdata_start[], kernel_tdata_end[];  // kernel.ld
extern const char boot_hart_data[], boot_hart_data_end[];
extern const char kernel_stack_bottom[];
extern const char secondary_start[];  // entry.S
}

namespace hal {
namespace riscv64 {

void interrupts_init();

/// The data from which secondary_start and hal_start_hart() start a hart.
struct HartStart {
  TranslationToken translation;
  VirtAddr data;  // address of its per-hart data, directly above its stack
  unsigned hart;
  VirtAddr emergency_stack;
};
static_assert(offsetof(HartStart, translation) == HART_START_TRANSLATION);
static_assert(offsetof(HartStart, data) == HART_START_DATA);

namespace {

constexpr std::size_t stack_pages = 8;
constexpr std::size_t emergency_stack_pages = 4;

constinit std::array<HartStart, max_harts> starts{};
constinit std::atomic<HartMask> running = mask_of(0);

}  // namespace

constinit thread_local unsigned looks = 0;

void nap_for_others() {
  // With interrupts unmasked, the hart would take the interrupt that ends the nap, so it does not
  // nap.
  if ((HAL_READ_CSR(HAL_CSR("status")) & status::ie) != 0) return;
  constexpr std::uint64_t nap_ns = 2'000;
  nap(now_ns() + nap_ns);
}

}  // namespace riscv64

using namespace riscv64;

bool start_hart(unsigned hart) {
  this_hart_smp_active = true;
  const std::size_t data_bytes = static_cast<std::size_t>(boot_hart_data_end - boot_hart_data);
  const std::size_t data_pages = page_up(data_bytes) / page_size;
  const auto stack = map_kernel_stack(stack_pages + data_pages);
  const auto emergency_stack = map_kernel_stack(emergency_stack_pages);
  if (!stack || !emergency_stack) return false;

  const VirtAddr data = stack->top - data_pages * page_size;
  std::memcpy(reinterpret_cast<void*>(data), kernel_tdata_start,
              static_cast<std::size_t>(kernel_tdata_end - kernel_tdata_start));
  starts[hart] = {.translation = kernel_translation(),
                  .data = data,
                  .hart = hart,
                  .emergency_stack = emergency_stack->top};
  return firmware::start_hart(devices.firmware_hart_id[hart], virt_to_phys(secondary_start),
                              virt_to_phys(&starts[hart]));
}

VirtAddr bottom_of_first_stack() {
  const unsigned hart = hart_index();
  return hart == 0 ? reinterpret_cast<VirtAddr>(kernel_stack_bottom)
                   : starts[hart].data - stack_pages * page_size;
}

HartMask running_harts() {
  return running.load(std::memory_order_relaxed);
}

void stop_hart() {
  HAL_WRITE_CSR(HAL_CSR("ie"), 0);
  HAL_CLEAR_CSR(HAL_CSR("status"), status::ie);
  for (;;) wait_for_interrupt();
}

}  // namespace hal

/// Called by entry.S on a hart that has just been started.
extern "C" [[noreturn]] void hal_start_hart(const hal::riscv64::HartStart& start) {
  using namespace hal;
  this_hart_index = start.hart;
  this_hart_smp_active = true;
  hal_emergency_stack = start.emergency_stack;
  interrupts_init();
  check_vectors();
  set_timer(no_deadline);
  running.fetch_or(mask_of(start.hart), std::memory_order_relaxed);
  kernel_hart_main(start.hart);
}
