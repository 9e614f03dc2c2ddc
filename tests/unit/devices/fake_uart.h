// A fake serial port behind hal/console.h. Its interrupt line is raised while the port has a reason
// for an interrupt, except from the claim of an interrupt to its completion.
#pragma once

#include <async/async.h>
#include <hal/console.h>

#include <string>

namespace test {

struct FakeUart {
  // ── Set by tests ──

  bool has_interrupt = true;
  bool is_fast = true;  // sends bytes at once; if false, sent_all() marks them as sent
  bool storms = false;  // raises its line without a reason

  // ── State for tests ──

  std::string shown;
  std::string arrived;  // received and not read yet
  hal::ConsoleEvents listening{.input = true, .output = false};
  unsigned interrupts = 0;

  // ── For tests ──

  void receive(std::string_view bytes);
  void sent_all();
  void update();  // call it after setting a member

  // ── For the driver ──

  bool is_empty = true;
  bool claimed = false;
};

/// Resets the one serial port and returns it.
FakeUart& new_uart();
/// The interrupt line of the newest device.
async::Interrupt& uart_line();

}  // namespace test
