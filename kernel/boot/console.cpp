#include "boot/console.h"

#include <async/async.h>
#include <hal/console.h>

#include <charconv>

#include "files/console_driver.h"
#include "process/process.h"
#include "process/schedule.h"

namespace kernel {
namespace {

/// A key like ^C is for everybody who has not said otherwise: the shell ignores it and lets the
/// programs it runs in the background ignore it.
void signal_everybody(abi::Signal signal) {
  for (Process& process : processes()) process.post_signal(signal);
}

/// `COLUMNSxROWS`; 80 × 24 where nothing, or nonsense, is said.
abi::WindowSize window_size(std::string_view text) {
  abi::WindowSize size{.rows = 24, .columns = 80};
  const std::size_t cross = text.find('x');
  if (cross == text.npos) return size;
  std::uint16_t columns = 0, rows = 0;
  std::from_chars(text.data(), text.data() + cross, columns);
  std::from_chars(text.data() + cross + 1, text.data() + text.size(), rows);
  if (columns != 0 && rows != 0) size = {.rows = rows, .columns = columns};
  return size;
}

}  // namespace

Terminal& start_console(const formats::BootOptions& options) {
  const bool framed = options.value("stdin") == "framed";
  static Terminal terminal{
      {.show = hal::console_write, .signal = signal_everybody, .ready = hal::console_ready},
      framed ? LineEditor::Input::framed : LineEditor::Input::typed,
      window_size(options.value("size").value_or(""))};
  async::spawn(drive_console(terminal),
               {.name = "console", .priority = Schedule::driver_level, .harts = 1})
      .detach();
  async::spawn(revive_console(terminal),
               {.name = "console output", .priority = Schedule::driver_level, .harts = 1})
      .detach();
  return terminal;
}

}  // namespace kernel
