// The firmware's part by the kernel itself: timers and software interrupts by the core-local
// interruptor (CLINT; SiFive FU540-C000 manual, chapter 9), and the harts' start.
#include "firmware.h"

#include <hal/console.h>
#include <hal/hart.h>
#include <hal/machine/privilege.h>
#include <hal/power.h>

#include <string_view>

#include "devices.h"
#include "pmp.h"

// machine_mode/entry.S: by hart number, a1 of each; 0: waits.
constexpr std::uint64_t parkable_harts = 64;
extern "C" std::uint64_t parked_harts[parkable_harts];

namespace hal::riscv64 {

constinit thread_local volatile std::uint32_t* software_interrupt = nullptr;

namespace {

[[noreturn]] void give_up(std::string_view why) {
  console_write(why);
  power_off(1);
}

}  // namespace

void prepare_hart() {
  if (!devices.clint) give_up("cotrap: the device tree has no core-local interruptor (CLINT)\n");
  if (!pmp::start_hart())
    give_up("cotrap: a hart has fewer than 8 entries for physical memory protection (PMP)\n");
  start_requests();
  software_interrupt = reinterpret_cast<volatile std::uint32_t*>(
      devices.clint.base + 4 * devices.firmware_hart_id[hart_index()]);
  *software_interrupt = 0;  // start_hart() has raised it
}

namespace firmware {
namespace {

constexpr std::size_t software_interrupts = 0;  // a word for each hart
constexpr std::size_t timers = 0x4000;          // 8 bytes for each hart

}  // namespace

void probe() {}

void set_timer(std::uint64_t tick) {
  const std::uint64_t id = devices.firmware_hart_id[hart_index()];
  devices.clint.write<std::uint64_t>(timers + 8 * id, tick);
}

void send_ipi(HartIds harts) {
  asm volatile("fence" ::: "memory");
  for (std::uint64_t bit = 0; bit < 64; ++bit) {
    if ((harts.bits >> bit & 1) != 0)
      devices.clint.write<std::uint32_t>(software_interrupts + 4 * (harts.first + bit), 1);
  }
}

bool start_hart(std::uint64_t hart_id, std::uint64_t, std::uint64_t argument) {
  if (hart_id >= parkable_harts) return false;
  __atomic_store_n(&parked_harts[hart_id], argument, __ATOMIC_RELEASE);
  send_ipi({.first = hart_id, .bits = 1});
  return true;
}

void console_write(std::span<const char>) {}
void shutdown(bool) {}

}  // namespace firmware
}  // namespace hal::riscv64
