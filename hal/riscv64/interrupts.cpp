// Interrupts of a hart, and the platform-level interrupt controller for external interrupts (RISC-V
// PLIC specification 1.0.0).

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/privilege.h>

#include <array>

#include "devices.h"
#include "firmware.h"
#include "hart_groups.h"
#include "timer.h"

/// This hart's claim register; null without a PLIC. The trap entry reads it
/// (trap/riscv64/claim.inc).
extern "C" constinit thread_local volatile std::uint32_t* hal_claim_register = nullptr;

namespace hal {
namespace riscv64 {
namespace {

constexpr std::size_t priority_base = 0x0;       // one word per source
constexpr std::size_t enable_base = 0x2000;      // one bit per source, 0x80 bytes per context
constexpr std::size_t context_base = 0x20'0000;  // 0x1000 bytes per context

// Registers of one context. The PLIC delivers interrupts whose priority is above the threshold. A
// read of the second register claims an interrupt, and a write completes it.
constexpr std::size_t context_threshold = 0x0;
constexpr std::size_t context_claim = 0x4;

/// The hart that last enabled each line: the completion goes to its claim register. The PLIC
/// ignores a completion from a context in which the line is not enabled.
constinit std::array<std::uint8_t, irq_limit> enabled_on{};

/// Each hart's claim register; null without a PLIC.
constinit std::array<volatile std::uint32_t*, max_harts> claim_registers{};

/// The offset of a register of the context that belongs to `hart`.
std::size_t context_register(unsigned hart, std::size_t offset) {
  return context_base + devices.plic.context[hart] * std::size_t{0x1000} + offset;
}

/// Changes the enable bit of `irq` for this hart only.
template <class Change>
void change_enabled(Irq irq, Change&& change) {
  const auto line = static_cast<std::uint32_t>(irq);
  if (!devices.plic.window || line == 0 || line > devices.plic.sources) return;
  const InterruptGuard guard;
  const unsigned context = devices.plic.context[hart_index()];
  const std::size_t word = enable_base + context * std::size_t{0x80} + 4 * (line / 32);
  const auto enabled = devices.plic.window.read<std::uint32_t>(word);
  devices.plic.window.write<std::uint32_t>(word, change(enabled, 1U << (line % 32)));
  // QEMU (10.0) checks pending interrupts only when a priority is written, so write it last.
  devices.plic.window.write<std::uint32_t>(priority_base + 4 * line, 1);
}

}  // namespace

void interrupts_init() {
  prepare_hart();
  if (devices.plic.window) {
    const unsigned hart = hart_index();
    devices.plic.window.write<std::uint32_t>(context_register(hart, context_threshold), 0);
    hal_claim_register = reinterpret_cast<volatile std::uint32_t*>(
        devices.plic.window.base + context_register(hart, context_claim));
    claim_registers[hart] = hal_claim_register;
  }
  HAL_WRITE_CSR(HAL_CSR("ie"), interrupt::software | interrupt::timer | interrupt::external);
}

}  // namespace riscv64

using namespace riscv64;

void enable_interrupt(Irq irq) {
  enabled_on[static_cast<std::uint32_t>(irq)] = static_cast<std::uint8_t>(hart_index());
  change_enabled(irq, [](std::uint32_t word, std::uint32_t bit) { return word | bit; });
}

void disable_interrupt(Irq irq) {
  change_enabled(irq, [](std::uint32_t word, std::uint32_t bit) { return word & ~bit; });
}

Irq claim_interrupt() {
  return hal_claim_register == nullptr ? Irq::none : Irq{*hal_claim_register};
}

void complete_interrupt(Irq irq) {
  const auto line = static_cast<std::uint32_t>(irq);
  if (volatile std::uint32_t* const at = claim_registers[enabled_on[line]]) *at = line;
}

void send_ipi(unsigned hart) {
  firmware::send_ipi({.first = devices.firmware_hart_id[hart], .bits = 1});
}

void send_ipis(HartMask harts) {
  for_each_group(harts, firmware::send_ipi);
}

}  // namespace hal
