// Interrupts of a hart: it accepts them through gates.S and records them. External ones come from
// I/O APICs (Intel, 82093AA), or are messages of PCI devices (message.h).
//
// The kernel expects that a claimed interrupt is silent until it is completed, and that the device
// interrupts again if it still has a reason. So all lines are level-triggered. A hart that accepts
// an external interrupt masks it at its source and ends it at the local APIC at once, so that
// others can interrupt; the completion unmasks it. A device remembers a message that is masked.

#include <hal/bell.h>
#include <hal/counter.h>
#include <hal/hart.h>
#include <hal/interrupts.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <span>

#include <hal/machine/vectors.h>
#include "devices.h"
#include "interrupts.h"
#include "local_apic.h"
#include "message.h"
#include "redirection.h"
#include "serial_port.h"
#include "timer.h"

namespace hal {
namespace pc {

constinit thread_local std::uint32_t pending = 0;

namespace {

/// The accepted external interrupts of this hart that it has not claimed, by number.
constinit thread_local std::array<std::uint64_t, irq_limit / 64> accepted{};

/// The hart for which each external interrupt is enabled, plus 1, by number; 0: it is disabled. A
/// hart ignores an interrupt that it does not own, so relaxed order is enough.
using Owner = std::atomic<std::uint8_t>;
constinit std::array<Owner, irq_limit> owners{};

Owner& owner_of(Irq irq) {
  return owners[static_cast<std::uint32_t>(irq)];
}

/// Protects the windows: an access writes the number of a register, and then uses the register. The
/// holder has interrupts masked.
class WindowLock {
 public:
  WindowLock() {
    while (taken.test_and_set(std::memory_order_acquire)) asm volatile("pause");
  }
  ~WindowLock() { taken.clear(std::memory_order_release); }

 private:
  InterruptGuard masked_;
  static constinit std::atomic_flag taken;
};
constinit std::atomic_flag WindowLock::taken{};

constexpr std::size_t select = 0x00, data = 0x10;

const Devices::IoApic* io_apic_of(unsigned line) {
  for (std::size_t i = 0; i < devices.io_apic_count; ++i) {
    const Devices::IoApic& io_apic = devices.io_apics[i];
    if (line >= io_apic.first_line && line - io_apic.first_line < io_apic.lines) return &io_apic;
  }
  return nullptr;
}

void write_entry(unsigned line, const Redirection& entry) {
  const Devices::IoApic* const io_apic = io_apic_of(line);
  if (io_apic == nullptr) return;
  const auto write = [window = io_apic->window](std::uint32_t number, std::uint32_t value) {
    window.write<std::uint32_t>(select, number);
    window.write<std::uint32_t>(data, value);
  };
  const unsigned input = line - io_apic->first_line;
  const WindowLock lock;
  write(high_register(input), entry.high());
  write(low_register(input), entry.low());  // last: it may unmask the line
}

std::uint8_t vector_of(Irq irq) {
  return static_cast<std::uint8_t>(VECTOR_FIRST_IRQ - 1 + static_cast<unsigned>(irq));
}

/// The entry that sends the line's interrupts to `hart`.
Redirection entry_for(unsigned line, unsigned hart, bool masked) {
  return {.vector = vector_of(irq_of_line(line)),
          .active_low = line < irq_limit && devices.active_low[line],
          .level_triggered = true,
          .masked = masked,
          .apic_id = static_cast<std::uint8_t>(devices.apic_id[hart])};
}

/// The MSI-X entries of the interrupts that are messages. Changed only at boot. The last number is
/// the bell's.
constinit std::array<Window, irq_limit - 1 - first_message> messages{};
constinit std::size_t message_count = 0;

const Window* message_of(Irq irq) {
  const auto number = static_cast<std::uint32_t>(irq);
  return number < first_message ? nullptr : &messages[number - first_message];
}

void mask_message(const Window& entry) {
  entry.write<std::uint32_t>(message_entry::control, message_entry::masked);
  // The device sends no message after this read has been answered.
  (void)entry.read<std::uint32_t>(message_entry::control);
}

void unmask_message(const Window& entry) {
  entry.write<std::uint32_t>(message_entry::control, 0);
}

// The bell has no source that could be enabled or masked (bell.cpp).

/// Makes the source of `irq` interrupt `hart`.
void enable(Irq irq, unsigned hart) {
  if (irq == bell_interrupt()) return;
  const Window* const entry = message_of(irq);
  if (entry == nullptr) return write_entry(line_of(irq), entry_for(line_of(irq), hart, false));
  const Message message{.vector = vector_of(irq),
                        .apic_id = static_cast<std::uint8_t>(devices.apic_id[hart])};
  mask_message(*entry);  // an entry must be masked while it changes
  entry->write<std::uint32_t>(message_entry::address, message.address());
  entry->write<std::uint32_t>(message_entry::upper_address, 0);
  entry->write<std::uint32_t>(message_entry::data, message.data());
  unmask_message(*entry);
}

/// Makes the source of `irq`, which is enabled for `hart`, silent.
void mask(Irq irq, unsigned hart) {
  if (irq == bell_interrupt()) return;
  if (const Window* const entry = message_of(irq)) return mask_message(*entry);
  write_entry(line_of(irq), entry_for(line_of(irq), hart, true));
}

/// Undoes mask().
void unmask(Irq irq, unsigned hart) {
  if (const Window* const entry = message_of(irq)) return unmask_message(*entry);
  write_entry(line_of(irq), entry_for(line_of(irq), hart, false));
}

/// By hart. Only the hart itself adds, with interrupts masked.
struct alignas(64) Faults {
  Counter spurious;
  Counter lost;
};
constinit std::array<Faults, max_harts> faults{};

void accept(Irq irq) {
  const unsigned hart = hart_index();
  // Between the interrupt and this moment it may have been disabled, or given to another hart.
  if (owner_of(irq).load(std::memory_order_relaxed) != hart + 1) {
    ++faults[hart].spurious;
    return;
  }
  if (irq == bell_interrupt() && !claim_bell()) return;
  mask(irq, hart);
  const auto number = static_cast<std::uint32_t>(irq);
  accepted[number / 64] |= std::uint64_t{1} << number % 64;
  pending |= interrupt::external;
}

/// The interrupt is not pending on this hart any more.
void forget(Irq irq) {
  const auto number = static_cast<std::uint32_t>(irq);
  accepted[number / 64] &= ~(std::uint64_t{1} << number % 64);
  if (std::ranges::all_of(accepted, [](std::uint64_t word) { return word == 0; }))
    pending &= ~interrupt::external;
}

}  // namespace

unsigned io_apic_lines(const Window& window) {
  constexpr std::uint32_t version_register = 1;
  window.write<std::uint32_t>(select, version_register);
  return (window.read<std::uint32_t>(data) >> 16 & 0xff) + 1;
}

bool has_line(unsigned line) {
  return io_apic_of(line) != nullptr;
}

std::expected<Irq, std::string_view> allocate_message(const Window& entry) {
  if (message_count == messages.size())
    return std::unexpected("there are too many interrupts by messages");
  messages[message_count] = entry;
  return Irq{first_message + static_cast<std::uint32_t>(message_count++)};
}

void mask_lines() {
  for (const Devices::IoApic& io_apic : std::span(devices.io_apics).first(devices.io_apic_count)) {
    for (unsigned input = 0; input < io_apic.lines; ++input) {
      const unsigned line = io_apic.first_line + input;
      write_entry(line, entry_for(line, 0, true));
    }
  }
}

void send_line(Irq irq) {
  const unsigned owner = owner_of(irq).load(std::memory_order_relaxed);
  if (owner == 0) return;
  apic::send(devices.apic_id[owner - 1], apic::Delivery::fixed, vector_of(irq));
}

}  // namespace pc

using namespace pc;

InterruptFaults interrupt_faults(unsigned hart) {
  return {.spurious = faults[hart].spurious.value(), .lost = faults[hart].lost.value()};
}

void enable_interrupt(Irq irq) {
  if (irq == Irq::none) return;
  const InterruptGuard guard;
  owner_of(irq).store(static_cast<std::uint8_t>(hart_index() + 1), std::memory_order_relaxed);
  enable(irq, hart_index());
  if (irq == bell_interrupt() && bell_rings_unclaimed()) send_line(irq);
}

void disable_interrupt(Irq irq) {
  if (irq == Irq::none) return;
  const InterruptGuard guard;
  owner_of(irq).store(0, std::memory_order_relaxed);
  mask(irq, hart_index());
  forget(irq);
  if (irq == bell_interrupt()) complete_bell();
}

Irq claim_interrupt() {
  accept_interrupts();
  for (std::uint32_t word = 0; word < accepted.size(); ++word) {
    if (accepted[word] == 0) continue;
    const Irq irq{word * 64 + static_cast<std::uint32_t>(std::countr_zero(accepted[word]))};
    forget(irq);
    return irq;
  }
  return Irq::none;
}

void complete_interrupt(Irq irq) {
  if (irq == bell_interrupt()) return complete_bell();
  const unsigned owner = owner_of(irq).load(std::memory_order_relaxed);
  if (owner != 0) unmask(irq, owner - 1);
}

void send_ipi(unsigned hart) {
  apic::send(devices.apic_id[hart], apic::Delivery::fixed, VECTOR_IPI);
}

void send_ipis(HartMask harts) {
  for_each_hart(harts, send_ipi);
}

Irq serial::interrupt() {
  const unsigned line = devices.serial_line;
  return has_line(line) ? irq_of_line(line) : Irq::none;
}

}  // namespace hal

/// Called by gates.S for each interrupt, with interrupts masked.
extern "C" void hal_accept_interrupt(std::uint64_t vector) {
  using namespace hal;
  using namespace hal::pc;
  if (vector == VECTOR_SPURIOUS) {
    ++faults[hart_index()].spurious;
    return;  // the local APIC does not wait for the end of this one
  }
  if (vector == VECTOR_TIMER) {
    accept_timer();
  } else if (vector == VECTOR_ERROR) {
    apic::write(apic::Register::error_status, 0);
    ++faults[hart_index()].lost;
  } else if (vector == VECTOR_IPI) {
    pending |= interrupt::software;
  } else if (vector >= VECTOR_FIRST_IRQ && vector - VECTOR_FIRST_IRQ + 1 < irq_limit) {
    accept(Irq{static_cast<std::uint32_t>(vector - VECTOR_FIRST_IRQ + 1)});
  }
  apic::write(apic::Register::end_of_interrupt, 0);
}
