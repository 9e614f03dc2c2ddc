#include "keyboard.h"

#include <user/process.h>

namespace shell {
namespace {

// The terminal of standard input. While an object of this class lives, the terminal passes each key
// on at once, shows none, and sends no signals.
class KeyTerminal final : public EditorTerminal {
 public:
  KeyTerminal() {
    if (!before_) return;
    auto settings = *before_;
    settings.local_flags &= ~(abi::termios_icanon | abi::termios_echo | abi::termios_isig);
    settings.input_flags |= abi::termios_icrnl;
    settings.output_flags |= abi::termios_opost | abi::termios_onlcr;
    settings.control_chars[abi::termios_vmin] = 1;
    static_cast<void>(user::set_terminal(user::standard_input, settings));
  }
  KeyTerminal(const KeyTerminal&) = delete;
  KeyTerminal& operator=(const KeyTerminal&) = delete;
  ~KeyTerminal() {
    if (before_) static_cast<void>(user::set_terminal(user::standard_input, *before_));
  }

  // One byte: those after the line's end are for the programs that it starts.
  std::optional<char> read() override {
    for (;;) {
      char byte = 0;
      const auto count = user::read(user::standard_input, std::span{&byte, 1});
      if (!count && count.error() == user::Errno::eintr) continue;
      if (count.value_or(0) == 0) return {};
      return byte;
    }
  }
  void write(std::string_view text) override {
    static_cast<void>(user::write_all(user::standard_output, text));
  }
  std::size_t columns() override {
    constexpr std::size_t usual = 80;
    abi::WindowSize size{};
    const auto known = user::call(user::Call::ioctl, user::standard_input, abi::tiocgwinsz, &size);
    return known && size.columns > 0 ? size.columns : usual;
  }

 private:
  user::Result<abi::Termios> before_ = user::terminal_settings(user::standard_input);
};

}  // namespace

Typed read_typed_line(std::string_view prompt, const History& history, const Completer& complete) {
  KeyTerminal terminal;
  return LineEditor{terminal, history, complete}.read(prompt);
}

}  // namespace shell
