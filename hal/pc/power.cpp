#include <hal/console.h>
#include <hal/hart.h>
#include <hal/power.h>

#include "devices.h"
#include "ports.h"

namespace hal {

void power_off(unsigned code) {
  using namespace pc;
  console_flush();
  // QEMU's device isa-debug-exit ends QEMU with the status 2 * value + 1. A machine without it
  // ignores the write.
  constexpr std::uint16_t debug_exit_port = 0xf4;
  write_port(debug_exit_port, static_cast<std::uint8_t>(code));
  if (devices.soft_off) {
    constexpr unsigned sleep_enable = 1 << 13;
    write_port_16(
        devices.soft_off->port,
        static_cast<std::uint16_t>(unsigned{devices.soft_off->type} << 10 | sleep_enable));
  }
  stop_hart();
}

}  // namespace hal
