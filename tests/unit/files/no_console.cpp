// The line of a console that there is not; who plays one has its own.
#include <hal/console.h>

hal::Irq hal::console_interrupt() {
  return Irq::none;
}
