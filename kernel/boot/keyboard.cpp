#include <hal/keyboard.h>
#include <kernel/levels.h>

#include "boot/parts.h"
#include "devices/interrupts.h"
#include "devices/keyboard.h"
#include "files/console_driver.h"

namespace kernel {

void start_keyboard(Terminal& terminal) {
  const hal::Irq irq = hal::keyboard_interrupt();
  if (irq == hal::Irq::none) return;
  static Keyboard keyboard;
  async::spawn_preemptible(keyboard.serve(interrupt_line(irq)),
                           {.name = "keyboard", .priority = levels::driver});
  set_line_driver(irq, {"keyboard", &keyboard.backoff()});
  async::spawn(bring_keys(keyboard, terminal),
               {.name = "keyboard input", .priority = levels::event, .harts = 1})
      .detach();
}

}  // namespace kernel
