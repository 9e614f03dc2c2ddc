#include "files/line_editor.h"

#include <abi/terminal.h>

#include <algorithm>
#include <utility>

namespace kernel {
namespace {

// Indices of Termios::control_chars.
enum ControlChar {
  interrupt = abi::termios_vintr,
  quit = abi::termios_vquit,
  erase = abi::termios_verase,
  kill = abi::termios_vkill,
  end_of_file = abi::termios_veof,
  start = abi::termios_vstart,
  stop = abi::termios_vstop,
  suspend = abi::termios_vsusp,
  line_end = abi::termios_veol,
  reprint = abi::termios_vreprint,
  word_erase = abi::termios_vwerase,
  literal_next = abi::termios_vlnext,
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

constexpr char control(char letter) {
  return static_cast<char>(letter & 0x1f);
}

constexpr abi::Termios typed_settings() {
  constexpr std::uint32_t baud_115200 = 0x1002;
  constexpr std::uint32_t eight_bits_receiving = 0x00b0;
  abi::Termios settings{
      .input_flags = abi::termios_icrnl | abi::termios_ixon | abi::termios_iutf8,
      .output_flags = abi::termios_opost | abi::termios_onlcr,
      .control_flags = baud_115200 | eight_bits_receiving,
      .local_flags = abi::termios_isig | abi::termios_icanon | abi::termios_echo |
                     abi::termios_echoe | abi::termios_echok | abi::termios_echoctl |
                     abi::termios_echoke | abi::termios_iexten,
  };
  const auto set = [&settings](ControlChar key, char value) {
    settings.control_chars[key] = static_cast<std::uint8_t>(value);
  };
  set(interrupt, control('C'));
  set(quit, control('\\'));
  set(erase, 0x7f);
  set(kill, control('U'));
  set(end_of_file, control('D'));
  settings.control_chars[abi::termios_vmin] = 1;
  set(start, control('Q'));
  set(stop, control('S'));
  set(suspend, control('Z'));
  set(reprint, control('R'));
  settings.control_chars[abi::termios_vdiscard] = static_cast<std::uint8_t>(control('O'));
  set(word_erase, control('W'));
  set(literal_next, control('V'));
  return settings;
}

}  // namespace

LineEditor::LineEditor(Show show, void* context, Input input)
    : show_{show}, context_{context}, kind_{input}, settings_{typed_settings()} {
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
  if (has_input_flag(abi::termios_istrip)) key &= 0x7f;
  if (std::exchange(next_is_literal_, false)) {
    if (has(abi::termios_echo)) echo(key);
    put_in_line(key);
    return {};
  }
  if (receive_flow_control(key)) return {};
  if (const auto signal = receive_signal(key)) return signal;
  const auto mapped = map(key);
  if (!mapped) return {};
  if (canonical()) {
    receive_in_line(*mapped);
  } else {
    put(*mapped);
    finished_ = size_;
    if (has(abi::termios_echo)) echo(*mapped);
  }
  return {};
}

/// Returns whether `key` only stops or starts the output.
bool LineEditor::receive_flow_control(char key) {
  if (!has_input_flag(abi::termios_ixon)) return false;
  const bool stops = stands_for(key, stop);
  if (!stops && !stands_for(key, start)) {
    if (has_input_flag(abi::termios_ixany)) has_stopped_output_ = false;
    return false;
  }
  has_stopped_output_ = stops;
  return true;
}

/// Applies the input flags (ICRNL and others) to a key. Empty: they drop the key.
std::optional<char> LineEditor::map(char key) const {
  if (key == '\r') {
    if (has_input_flag(abi::termios_igncr)) return {};
    return has_input_flag(abi::termios_icrnl) ? '\n' : key;
  }
  if (key == '\n' && has_input_flag(abi::termios_inlcr)) return '\r';
  const bool is_upper = key >= 'A' && key <= 'Z';
  if (is_upper && has_input_flag(abi::termios_iuclc) && has(abi::termios_iexten))
    return static_cast<char>(key - 'A' + 'a');
  return key;
}

/// Edits the line being typed (canonical mode).
void LineEditor::receive_in_line(char key) {
  const auto is = [&](ControlChar which) { return stands_for(key, which); };
  const bool is_extended = has(abi::termios_iexten);
  if (is(erase) || key == backspace) {
    if (!line_is_empty()) erase_character();
  } else if (is_extended && is(word_erase)) {
    erase_word();
  } else if (is(kill)) {
    erase_line();
  } else if (is_extended && is(literal_next)) {
    next_is_literal_ = true;
    if (has(abi::termios_echo) && has(abi::termios_echoctl)) show("^\b");
  } else if (is_extended && is(reprint) && has(abi::termios_echo)) {
    show_line();
  } else if (is(end_of_file)) {
    end_line(end_mark);
  } else if (key == '\n' || is(line_end) || (is_extended && is(other_line_end))) {
    if (has(abi::termios_echo) || (key == '\n' && has(abi::termios_echonl))) echo(key);
    end_line(key);
  } else {
    if (has(abi::termios_echo)) echo(key);
    put_in_line(key);
  }
}

/// Adds a key that stands for itself.
void LineEditor::put_in_line(char key) {
  put(key);
  if (!canonical()) finished_ = size_;
}

/// Shows the line being typed again, below the present one.
void LineEditor::show_line() {
  echo(static_cast<char>(settings_.control_chars[reprint]));
  show("\n");
  for (std::size_t at = finished_; at < size_; ++at) echo(queue_[slot(at)]);
}

/// Returns the signal for which `key` stands, after dropping all unread input.
std::optional<abi::Signal> LineEditor::receive_signal(char key) {
  if (!has(abi::termios_isig)) return {};
  const auto signal = stands_for(key, interrupt) ? abi::Signal::sigint
                      : stands_for(key, quit)    ? abi::Signal::sigquit
                      : stands_for(key, suspend) ? abi::Signal::sigtstp
                                                 : abi::Signal{};
  if (signal == abi::Signal{}) return {};
  has_stopped_output_ = false;
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
  next_is_literal_ = false;
}

void LineEditor::erase_character() {
  char erased;
  do {
    erased = last();
    --size_;
  } while (has_input_flag(abi::termios_iutf8) && is_continuation(erased) && !line_is_empty());
  if (!has(abi::termios_echo)) return;
  if (!has(abi::termios_echoe)) {
    echo(static_cast<char>(settings_.control_chars[erase]));
  } else {
    const bool has_two = is_control(erased) && erased != '\t' && has(abi::termios_echoctl);
    show(has_two ? "\b\b  \b\b" : "\b \b");
  }
}

void LineEditor::erase_word() {
  while (!line_is_empty() && is_blank(last())) erase_character();
  while (!line_is_empty() && !is_blank(last())) erase_character();
}

/// Erases the line being typed. The line disappears from the screen only if it is short, and ECHOE
/// and ECHOKE are set. Otherwise the next line begins below it.
void LineEditor::erase_line() {
  constexpr std::size_t long_line = 256;
  const bool erases = has(abi::termios_echoe) && has(abi::termios_echoke);
  if (size_ - finished_ > long_line || !erases) {
    size_ = finished_;
    if (has(abi::termios_echo)) {
      echo(static_cast<char>(settings_.control_chars[kill]));
      if (has(abi::termios_echok)) show("\n");
    }
  }
  while (!line_is_empty()) erase_character();
}

void LineEditor::echo(char key) const {
  if (has(abi::termios_echoctl) && is_control(key) && key != '\n' && key != '\t') {
    const char visible[] = {'^', static_cast<char>(key ^ 0x40)};
    show({visible, sizeof visible});
  } else {
    show({&key, 1});
  }
}

}  // namespace kernel
