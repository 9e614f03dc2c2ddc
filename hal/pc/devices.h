// The machine's fixed devices, as the firmware's tables describe them. Written once at boot, before
// any function of hal/ uses them.
#pragma once

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/window.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "acpi.h"

namespace hal::pc {

struct Devices {
  struct IoApic {
    Window window;
    unsigned first_line = 0;
    unsigned lines = 0;
  };
  std::array<IoApic, acpi::Interrupts::most_controllers> io_apics{};
  std::size_t io_apic_count = 0;

  std::array<std::uint32_t, max_harts> apic_id{};  ///< by hart index
  unsigned serial_line = 4;                        ///< of the I/O APICs, for COM1
  unsigned keyboard_line = 1;                      ///< of the I/O APICs, for the keyboard
  bool may_have_keyboard = true;                   ///< false: ACPI reports no keyboard controller
  std::array<std::optional<acpi::Override>, acpi::isa_interrupts> overrides{};
  std::bitset<irq_limit> active_low;  ///< by line of the I/O APICs
  std::optional<acpi::SoftOff> soft_off;
};

extern Devices devices;

/// Lines of I/O APICs have the numbers of the interrupts, plus 1 because 0 means none.
constexpr Irq irq_of_line(unsigned line) {
  return line + 1 < first_message ? Irq{line + 1} : Irq::none;
}
constexpr unsigned line_of(Irq irq) {
  return static_cast<unsigned>(irq) - 1;
}

}  // namespace hal::pc
