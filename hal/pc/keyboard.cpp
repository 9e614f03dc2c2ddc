#include "keyboard.h"

#include <hal/keyboard.h>
#include <hal/timer.h>

#include "devices.h"
#include "interrupts.h"
#include "ports.h"

namespace hal {
namespace pc {
namespace {

constexpr KeyboardAccess access{.read = read_port, .write = write_port, .now_ns = now_ns};
constinit bool is_started = false;  // written at boot

}  // namespace

void start_keyboard() {
  is_started = devices.may_have_keyboard && start_keyboard_controller(access);
}

}  // namespace pc

Irq keyboard_interrupt() {
  const unsigned line = pc::devices.keyboard_line;
  return pc::is_started && pc::has_line(line) ? pc::irq_of_line(line) : Irq::none;
}

std::optional<std::uint8_t> keyboard_read() {
  return pc::read_keyboard(pc::access);
}

}  // namespace hal
