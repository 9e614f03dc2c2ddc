#include "keyboard.h"

#include <user/calls.h>

#include <utility>

namespace shell {
namespace {

constexpr char interrupt = 'C' & 0x1f;
constexpr char quit = '\\' & 0x1f;

// While an object of this class lives, Ctrl-C and Ctrl-\ send no signal but end the line, as Enter
// does.
class KeysEndLines {
 public:
  KeysEndLines() {
    if (!before_) return;
    auto settings = *before_;
    settings.control_chars[abi::termios_vintr] = 0;
    settings.control_chars[abi::termios_vquit] = 0;
    settings.control_chars[abi::termios_veol] = interrupt;
    settings.control_chars[abi::termios_veol2] = quit;
    static_cast<void>(user::set_terminal(user::standard_input, settings));
  }
  KeysEndLines(const KeysEndLines&) = delete;
  KeysEndLines& operator=(const KeysEndLines&) = delete;
  ~KeysEndLines() {
    if (before_) static_cast<void>(user::set_terminal(user::standard_input, *before_));
  }

 private:
  user::Result<abi::Termios> before_ = user::terminal_settings(user::standard_input);
};

}  // namespace

Typed read_typed_line(std::string_view prompt) {
  const KeysEndLines keys;
  static_cast<void>(user::write_all(user::standard_output, prompt));
  std::string text;
  for (;;) {
    // A read returns at most one line; a very long line takes several reads.
    char part[1024];
    const auto count = user::read(user::standard_input, std::span{part});
    if (!count && count.error() == user::Errno::eintr) continue;
    if (count.value_or(0) == 0) {
      return text.empty() ? Typed{Typed::How::end, {}} : Typed{Typed::How::line, text};
    }
    text.append(part, *count);
    const char last = text.back();
    if (last == interrupt || last == quit) return {Typed::How::given_up, {}};
    if (last != '\n') continue;
    text.pop_back();
    return {Typed::How::line, std::move(text)};
  }
}

}  // namespace shell
