// The interrupt line for tests without a console. Tests with a fake console define their own.
#include <hal/console.h>

hal::Irq hal::console_interrupt() {
  return Irq::none;
}
