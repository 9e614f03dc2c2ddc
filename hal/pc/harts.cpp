// Starts the other processors: an INIT interrupt, and then a start-up interrupt with the page of
// their first instruction (Intel SDM, volume 3, "MP Initialization").
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

#include "descriptors.h"
#include "devices.h"
#include "hart_start_layout.h"
#include "local_apic.h"
#include "processor.h"
#include "stacks.h"
#include "timer.h"

extern "C" {
extern const char kernel_tdata_start[], kernel_tdata_end[];  // kernel.ld
extern const char boot_hart_data[], boot_hart_pointer[], boot_hart_data_end[];
extern const char kernel_stack_bottom[];
extern const char hart_start_code[], hart_start_argument[], hart_start_code_end[];  // entry.S
void hal_halt();                                                                    // gates.S
}

namespace hal {
namespace pc {

/// The data from which other_hart and hal_start_hart() start a hart.
struct HartStart {
  TranslationToken translation;
  VirtAddr data;   // the address of its per-hart data, for FS
  VirtAddr stack;  // its top
  VirtAddr stack_bottom;
  VirtAddr nmi_stack, emergency_stack;  // their tops
  unsigned hart;
};
static_assert(offsetof(HartStart, translation) == HART_START_TRANSLATION);
static_assert(offsetof(HartStart, data) == HART_START_DATA);
static_assert(offsetof(HartStart, stack) == HART_START_STACK);

namespace {

constexpr std::size_t stack_pages = 8;
constexpr std::size_t emergency_stack_pages = 4;

constinit std::array<HartStart, max_harts> starts{};
constinit std::atomic<HartMask> running = mask_of(0);

void wait_ns(std::uint64_t ns) {
  for (const std::uint64_t end = now_ns() + ns; now_ns() < end;) relax();
}

/// Puts the code for the next hart into the page at which it begins.
void place_start_code(PhysAddr start) {
  auto* const page = phys_to_virt(HART_START_PAGE);
  std::memcpy(page, hart_start_code,
              static_cast<std::size_t>(hart_start_code_end - hart_start_code));
  std::memcpy(page + (hart_start_argument - hart_start_code), &start, sizeof start);
}

}  // namespace

constinit thread_local unsigned looks = 0;

void nap_for_others() {
  // The nap ends with interrupts masked, so they must be masked before.
  if ((flags() & interrupt_flag) != 0) return;
  constexpr std::uint64_t nap_ns = 2'000;
  nap(now_ns() + nap_ns);
}

}  // namespace pc

using namespace pc;

void wait_for_interrupt() {
  if (pending == 0) hal_halt();
}

bool start_hart(unsigned hart) {
  this_hart_smp_active = true;
  const std::size_t data_bytes = static_cast<std::size_t>(boot_hart_data_end - boot_hart_data);
  const std::size_t data_pages = page_up(data_bytes) / page_size;
  const auto stack = map_kernel_stack(stack_pages + data_pages);
  const auto nmi_stack = map_kernel_stack(1);
  const auto emergency_stack = map_kernel_stack(emergency_stack_pages);
  if (!stack || !nmi_stack || !emergency_stack) return false;

  const VirtAddr block = stack->top - data_pages * page_size;
  std::memcpy(reinterpret_cast<void*>(block), kernel_tdata_start,
              static_cast<std::size_t>(kernel_tdata_end - kernel_tdata_start));
  starts[hart] = {.translation = kernel_translation(),
                  .data = block + static_cast<std::size_t>(boot_hart_pointer - boot_hart_data),
                  .stack = block,
                  .stack_bottom = stack->bottom,
                  .nmi_stack = nmi_stack->top,
                  .emergency_stack = emergency_stack->top,
                  .hart = hart};
  place_start_code(virt_to_phys(&starts[hart]));

  constexpr std::uint64_t after_init_ns = 10'000'000, between_ns = 200'000;
  constexpr std::uint64_t start_limit_ns = 1'000'000'000;
  const std::uint32_t id = devices.apic_id[hart];
  apic::send(id, apic::Delivery::init);
  wait_ns(after_init_ns);
  // A processor that misses the first start-up interrupt takes the second one.
  const auto has_started = [&] { return (running_harts() & mask_of(hart)) != 0; };
  for (unsigned attempt = 0; attempt < 2 && !has_started(); ++attempt) {
    apic::send(id, apic::Delivery::startup, HART_START_PAGE / page_size);
    wait_ns(between_ns);
  }
  // The next start overwrites the page, so this one must have left it.
  for (const std::uint64_t end = now_ns() + start_limit_ns; !has_started() && now_ns() < end;)
    relax();
  if (has_started()) return true;
  apic::send(id, apic::Delivery::init);  // stops the hart, if it starts late
  wait_ns(after_init_ns);
  return false;
}

VirtAddr bottom_of_first_stack() {
  const unsigned hart = hart_index();
  return hart == 0 ? reinterpret_cast<VirtAddr>(kernel_stack_bottom) : starts[hart].stack_bottom;
}

HartMask running_harts() {
  return running.load(std::memory_order_relaxed);
}

void stop_hart() {
  mask_interrupts();
  for (;;) asm volatile("hlt");
}

}  // namespace hal

/// Called by entry.S on a hart that has just been started.
extern "C" [[noreturn]] void hal_start_hart(const hal::pc::HartStart& start) {
  using namespace hal;
  this_hart_index = start.hart;
  this_hart_smp_active = true;
  live_translation = start.translation;
  load_descriptors(start.hart, start.nmi_stack, start.emergency_stack);
  enable_features();
  apic::start();
  timer_start_on_hart();
  running.fetch_or(mask_of(start.hart), std::memory_order_relaxed);
  kernel_hart_main(start.hart);
}
