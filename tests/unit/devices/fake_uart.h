// A serial port that a test plays, behind hal/console.h: one, whose line is raised as long as it
// has a reason, and silent from when it is claimed until it is completed.
#pragma once

#include <hal/console.h>

#include <string>

namespace test {

struct FakeUart {
  // ── What a test sets ──

  bool has_interrupt = true;
  bool is_fast = true;  // sends what it is given at once; else when sent_all() says so
  bool storms = false;  // raises its line for nothing

  // ── What has happened ──

  std::string shown;
  std::string arrived;  // and was not read yet
  hal::ConsoleEvents listening{.input = true, .output = false};
  unsigned interrupts = 0;

  // ── What a test does ──

  void receive(std::string_view bytes);
  void sent_all();
  void update();  // something else was set

  // ── What the driver does ──

  bool is_empty = true;
  bool claimed = false;
};

/// The one there is, as new.
FakeUart& new_uart();

}  // namespace test
