#include <hal/console.h>
#include <hal/hart.h>
#include <hal/power.h>

#include "devices.h"
#include "firmware.h"

namespace hal {

void power_off(unsigned code) {
  using riscv64::devices;
  console_flush();
  if (devices.test_finisher) {
    constexpr std::uint32_t pass = 0x5555, fail = 0x3333;  // SiFive test finisher
    devices.test_finisher.write<std::uint32_t>(0, code == 0 ? pass : (code & 0xff) << 16 | fail);
  }
  riscv64::firmware::shutdown(code != 0);
  stop_hart();
}

}  // namespace hal
