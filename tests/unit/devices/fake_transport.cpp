#include "fake_transport.h"

#include "devices/interrupts.h"

async::Interrupt& kernel::interrupt_line(hal::Irq) {
  return test::FakeTransport::newest->line();
}
