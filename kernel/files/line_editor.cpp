#include "files/line_editor.h"

#include <algorithm>

namespace kernel {
namespace {

// Indices of Termios::control_chars.
enum ControlChar {
  interrupt = abi::termios_vintr,
  quit = abi::termios_vquit,
  erase = 2,
  kill = 3,
  end_of_file = 4,
  suspend = abi::termios_vsusp,
  line_end = abi::termios_veol,
  word_erase = 14,
  other_line_end = abi::termios_veol2,
};

constexpr char framing = 0x10;    // DLE
constexpr char framed_end = 'E';  // after a DLE
constexpr char end_mark = '\0';
constexpr char backspace = '\b';  // always erases, like the key `erase`

constexpr bool is_continuation(char byte) {  // of a UTF-8 sequence
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}
constexpr bool is_control(char key) {
  const auto code = static_cast<unsigned char>(key);
  return code < 0x20 || code == 0x7f;
}
constexpr bool is_blank(char key) {
  return key == ' ' || key == '\t';
}

constexpr abi::Termios typed_settings() {
  constexpr std::uint32_t baud_115200 = 0x1002;
  constexpr std::uint32_t eight_bits_receiving = 0x00b0;
  constexpr std::uint32_t visible_erase_and_controls = 0x8a30;  // ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
  abi::Termios settings{
      .input_flags = abi::termios_icrnl,
      .output_flags = abi::termios_opost,
      .control_flags = baud_115200 | eight_bits_receiving,
      .local_flags =
          abi::termios_isig | abi::termios_icanon | abi::termios_echo | visible_erase_and_controls,
  };
  constexpr std::uint8_t keys[] = {'C' & 0x1f, '\\' & 0x1f, 0x7f, 'U' & 0x1f, 'D' & 0x1f, 0, 1};
  std::ranges::copy(keys, settings.control_chars);
  settings.control_chars[suspend] = 'Z' & 0x1f;
  settings.control_chars[word_erase] = 'W' & 0x1f;
  return settings;
}

}  // namespace

LineEditor::LineEditor(Show show, Input input)
    : show_{show}, kind_{input}, settings_{typed_settings()} {
  if (input == Input::framed) settings_.local_flags = 0;
}

std::optional<abi::Signal> LineEditor::receive(char key) {
  if (kind_ == Input::typed) return receive_typed(key);
  receive_framed(key);
  return {};
}

void LineEditor::receive_framed(char byte) {
  if (!escaped_ && byte == framing) {
    escaped_ = true;
  } else if (escaped_ && byte == framed_end) {
    at_end_ = true;
  } else {
    escaped_ = false;
    put(byte);
    finished_ = size_;
  }
}

std::optional<abi::Signal> LineEditor::receive_typed(char key) {
  const auto is = [&](ControlChar which) { return stands_for(key, which); };
  if (key == '\r' && (settings_.input_flags & abi::termios_icrnl) != 0) key = '\n';

  if (const auto signal = receive_signal(key)) return signal;
  if (!canonical()) {
    put(key);
    finished_ = size_;
    if (has(abi::termios_echo)) echo(key);
  } else if (is(erase) || key == backspace) {
    if (!line_is_empty()) erase_character();
  } else if (is(word_erase)) {
    erase_word();
  } else if (is(kill)) {
    erase_line();
  } else if (is(end_of_file)) {
    end_line(end_mark);
  } else {
    if (has(abi::termios_echo)) echo(key);
    if (key == '\n' || is(line_end) || is(other_line_end)) {
      end_line(key);
    } else {
      put(key);
    }
  }
  return {};
}

/// Returns the signal for which `key` stands, after dropping all unread input.
std::optional<abi::Signal> LineEditor::receive_signal(char key) {
  if (!has(abi::termios_isig)) return {};
  const auto signal = stands_for(key, interrupt) ? abi::Signal::sigint
                      : stands_for(key, quit)    ? abi::Signal::sigquit
                      : stands_for(key, suspend) ? abi::Signal::sigtstp
                                                 : abi::Signal{};
  if (signal == abi::Signal{}) return {};
  if (!has(abi::termios_noflsh)) flush();
  if (has(abi::termios_echo)) echo(key);
  return signal;
}

void LineEditor::put(char byte) {
  queue_[slot(size_)] = byte;
  ends_.reset(slot(size_));
  ++size_;
  // A line that fills the queue is read in parts.
  if (size_ == queue_size && finished_ == 0) finished_ = size_;
}

void LineEditor::end_line(char last) {
  put(last);
  ends_.set(slot(size_ - 1));
  finished_ = size_;
}

bool LineEditor::is_end_mark(std::size_t index) const {
  return ends_[slot(index)] && queue_[slot(index)] == end_mark;
}

std::span<const char> LineEditor::input() const {
  const std::size_t longest = std::min(finished_, queue_size - first_);
  std::size_t count = longest;
  if (canonical()) {
    count = 0;
    while (count < longest && !ends_[slot(count)]) ++count;
    if (count < longest && !is_end_mark(count)) ++count;
  }
  return {queue_.data() + first_, count};
}

bool LineEditor::consume(std::size_t count) {
  // The mark of a ^D directly behind the bytes that were read is consumed with them, because the ^D
  // has ended that read. Behind a whole line, the mark stays: the next read returns the end of the
  // file.
  const bool read_line = count > 0 && ends_[slot(count - 1)];
  if (canonical() && !read_line && count < finished_ && is_end_mark(count)) ++count;
  const bool line_over = canonical() && count > 0 && ends_[slot(count - 1)];
  first_ = slot(count);
  size_ -= count;
  finished_ -= count;
  return line_over;
}

void LineEditor::set_settings(const abi::Termios& settings) {
  const bool was_canonical = canonical();
  settings_ = settings;
  if (was_canonical == canonical()) return;
  // All input typed so far becomes readable as it is, the unfinished line included.
  finished_ = size_;
  ends_.reset();
  if (canonical() && size_ > 0) ends_.set(slot(size_ - 1));
}

void LineEditor::flush() {
  first_ = size_ = finished_ = 0;
}

void LineEditor::erase_character() {
  char erased;
  do {
    erased = last();
    --size_;
  } while (is_continuation(erased) && !line_is_empty());
  if (has(abi::termios_echo)) show(is_control(erased) && erased != '\t' ? "\b\b  \b\b" : "\b \b");
}

void LineEditor::erase_word() {
  while (!line_is_empty() && is_blank(last())) erase_character();
  while (!line_is_empty() && !is_blank(last())) erase_character();
}

/// Erases the line being typed. A long line stays on the screen, and the new one begins below it.
void LineEditor::erase_line() {
  constexpr std::size_t long_line = 256;
  if (size_ - finished_ > long_line) {
    size_ = finished_;
    if (has(abi::termios_echo)) show("^U\n");
  }
  while (!line_is_empty()) erase_character();
}

void LineEditor::echo(char key) const {
  if (is_control(key) && key != '\n' && key != '\t') {
    const char visible[] = {'^', static_cast<char>(key ^ 0x40)};
    show({visible, sizeof visible});
  } else {
    show({&key, 1});
  }
}

}  // namespace kernel
