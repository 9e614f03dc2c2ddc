#include "boot/parts.h"

#include <async/async.h>
#include <kernel/levels.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "console/console.h"
#include "devices/interrupts.h"
#include "files/console_driver.h"
#include "process/job_control.h"

namespace kernel {
namespace {

constexpr DeviceNumber console_device{5, 1};

/// Parses `COLUMNSxROWS`. 80 × 24 if the text is missing or invalid.
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

/// The output of the console without framing (console/console.h).
class ConsoleScreen final : public Screen {
 public:
  std::size_t room() override { return console.room(); }
  std::span<char> place() override { return console.place(); }
  void put(std::size_t count) override { console.put(count); }
  void ask_for_room() override { console.ask_for_room(); }
  void put_if_room(std::span<const char> text) override { console.put_if_room(text); }
};

/// One stream of the console's framed output. Each put() sends one frame (Console::put_frame()).
template <Console::Stream stream>
class FramedScreen final : public Screen {
  // Console::has_room() is raised when half of the ring is free. The room for a write fits into
  // that.
  static_assert(Console::frame_size(Terminal::room_for_write) <= Console::ring_size / 2);

 public:
  std::size_t room() override {
    constexpr std::size_t least = Console::frame_size(0);
    const std::size_t free = console.room();
    return free < least ? 0 : (free - least) / 2;
  }
  std::span<char> place() override {
    return std::span{bytes_}.first(std::min(bytes_.size(), room()));
  }
  void put(std::size_t count) override {
    console.put_frame(stream, std::span{bytes_}.first(count));
  }
  void ask_for_room() override { console.ask_for_room(); }
  void put_if_room(std::span<const char> text) override {
    if (text.size() <= room()) console.put_frame(stream, text);
  }

 private:
  std::array<char, Terminal::largest_write> bytes_{};
};

constinit FramedScreen<Console::Stream::output> output;
constinit FramedScreen<Console::Stream::errors> errors;

/// The terminal of framed standard error. It has no input.
Terminal& error_terminal() {
  static Terminal terminal{errors, LineEditor::Input::framed, {}, nullptr, console_device, 0};
  terminal.end_input();
  return terminal;
}

}  // namespace

bool console_is_terminal(const formats::BootOptions& options) {
  const auto input = options.value("stdin").value_or("");
  return input != "empty" && input != "framed";
}

ConsoleTerminals start_console(const formats::BootOptions& options) {
  const bool ended = options.value("stdin") == "empty", framed = !console_is_terminal(options);
  const bool errors_apart = options.value("stderr") == "framed";
  if (errors_apart) console.frame_output();
  static ConsoleScreen screen;
  static Terminal terminal{errors_apart ? static_cast<Screen&>(output) : screen,
                           framed ? LineEditor::Input::framed : LineEditor::Input::typed,
                           window_size(options.value("size").value_or("")),
                           &job_control::terminal_users(),
                           console_device,
                           0};
  if (ended) terminal.end_input();
  static std::array<Terminal*, 2> terminals{&terminal, errors_apart ? &error_terminal() : nullptr};
  const auto writers = std::span{terminals}.first(errors_apart ? 2 : 1);
  // The driver runs outside the strand. Its two helpers run in the strand, at a less urgent level
  // than any driver.
  async::spawn_preemptible(console.serve(interrupt_line(hal::console_interrupt())),
                           {.name = "console", .priority = levels::driver});
  const auto start_helper = [](const char* name, async::Task<> job) {
    async::spawn(std::move(job), {.name = name, .priority = levels::event, .harts = 1}).detach();
  };
  set_line_driver(hal::console_interrupt(), {"console", &console.backoff()});
  start_helper("console input", bring_keys(console, terminal));
  start_helper("console output", let_programs_write(console, writers));
  if (!framed) start_keyboard(terminal);
  return {.terminal = terminal, .errors = terminals.back()};
}

}  // namespace kernel
