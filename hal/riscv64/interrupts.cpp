// Interrupts of a hart and the platform-level interrupt controller (RISC-V PLIC specification
// 1.0.0) that brings the external ones.

#include <hal/hart.h>
#include <hal/interrupts.h>

#include "devices.h"
#include "sbi.h"
#include "timer.h"

namespace hal {
namespace riscv64 {
namespace {

constexpr std::size_t priority_base = 0x0;       // one word a source
constexpr std::size_t enable_base = 0x2000;      // one bit a source, 0x80 bytes a context
constexpr std::size_t context_base = 0x20'0000;  // 0x1000 bytes a context:
constexpr std::size_t context_threshold = 0x0;   // … deliver what is above this priority
constexpr std::size_t context_claim = 0x4;       // … read to claim, write to complete

unsigned context() {
  return devices.plic.supervisor_context[hart_index()];
}

std::size_t context_register(std::size_t offset) {
  return context_base + context() * std::size_t{0x1000} + offset;
}

}  // namespace

void interrupts_init() {
  if (devices.plic.window) {
    devices.plic.window.write<std::uint32_t>(context_register(context_threshold), 0);
  }
  HAL_WRITE_CSR("sie", interrupt::software | interrupt::timer | interrupt::external);
}

}  // namespace riscv64

using namespace riscv64;

PendingInterrupts take_pending() {
  const std::uint64_t pending = HAL_READ_CSR("sip");
  const PendingInterrupts taken{.timer = (pending & interrupt::timer) != 0,
                                .poke = (pending & interrupt::software) != 0,
                                .external = (pending & interrupt::external) != 0};
  if (taken.timer) set_timer(no_deadline);
  if (taken.poke) HAL_CLEAR_CSR("sip", interrupt::software);
  return taken;
}

void enable_interrupt(Irq irq) {
  const auto line = static_cast<std::uint32_t>(irq);
  if (!devices.plic.window || line == 0 || line > devices.plic.sources) return;
  devices.plic.window.write<std::uint32_t>(priority_base + 4 * line, 1);
  const std::size_t word = enable_base + context() * std::size_t{0x80} + 4 * (line / 32);
  const auto enabled = devices.plic.window.read<std::uint32_t>(word);
  devices.plic.window.write<std::uint32_t>(word, enabled | 1U << (line % 32));
}

Irq claim_interrupt() {
  if (!devices.plic.window) return Irq::none;
  return Irq{devices.plic.window.read<std::uint32_t>(context_register(context_claim))};
}

void complete_interrupt(Irq irq) {
  devices.plic.window.write(context_register(context_claim), static_cast<std::uint32_t>(irq));
}

void poke_hart(unsigned hart) {
  sbi::send_ipi({.first = devices.firmware_hart_id[hart], .bits = 1});
}

}  // namespace hal
