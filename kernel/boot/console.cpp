#include "boot/console.h"

#include <async/async.h>

#include <algorithm>
#include <charconv>

#include "devices/console.h"
#include "devices/interrupts.h"
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

class ConsoleScreen final : public Screen {
 public:
  std::size_t room() override { return console.room(); }
  std::span<char> place() override { return console.place(); }
  void put(std::size_t count) override { console.put(count); }
  void ask_for_room() override { console.ask_for_room(); }
};

}  // namespace

Terminal& start_console(const formats::BootOptions& options) {
  const auto input = options.value("stdin").value_or("");
  const bool ended = input == "empty", framed = ended || input == "framed";
  static ConsoleScreen screen;
  static Terminal terminal{
      {.show = [](auto text) { console.put_if_room(text); }, .signal = signal_everybody},
      screen,
      framed ? LineEditor::Input::framed : LineEditor::Input::typed,
      window_size(options.value("size").value_or(""))};
  if (ended) terminal.end_input();
  // The driver is outside the strand, its two helpers are of it and give way to every driver.
  async::spawn_independent(console.serve(),
                           {.name = "console", .priority = Schedule::driver_level});
  const auto start_helper = [](const char* name, async::Task<> job) {
    async::spawn(std::move(job), {.name = name, .priority = Schedule::news_level, .harts = 1})
        .detach();
  };
  set_line_driver(hal::console_interrupt(), {"console", &console.backoff()});
  start_helper("console input", bring_keys(console, terminal));
  start_helper("console output", let_programs_write(console, terminal));
  return terminal;
}

}  // namespace kernel
