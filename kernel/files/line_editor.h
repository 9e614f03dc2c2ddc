// The line discipline of a terminal (termios(3)), independent of the device.
//
//   keys ──▶ receive ──▶ line being typed ── Enter, ^D ──▶ finished lines ──▶ input, consume
//               │              ▲
//               ├─ echo        └ backspace, ^W, ^U
//               ├─ ^S, ^Q : output stops and starts
//               └─ ^C, ^\, ^Z : signal
//
// In canonical mode a read returns at most one line. VEOL and VEOL2 end a line, too, as Enter does.
// In noncanonical mode a read returns all keys so far. Framed input comes from a file: its bytes
// are literal, except that DLE DLE stands for one DLE and DLE E for the end of the file. No byte is
// dropped: the caller of receive() must test has_room() first.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace kernel {

class LineEditor {
 public:
  /// `typed`: keys of a person, with echo, editing and signals. `framed`: bytes of a file, literal
  /// except for DLE sequences.
  enum class Input : bool { typed, framed };

  /// Shows echo. The editor calls it from within receive(), with the context of the constructor.
  using Show = void (*)(void* context, std::span<const char> text);

  LineEditor(Show show, void* context, Input input);

  /// Whether receive() may be called. If not, a program must read first.
  bool has_room() const { return size_ < queue_size; }
  /// The number of keys that receive() certainly takes now.
  std::size_t free_slots() const { return queue_size - size_; }
  /// Returns the signal that the key sends, if it sends one.
  [[nodiscard]] std::optional<abi::Signal> receive(char key);
  /// Framed input only: sets the end of the file, as DLE E does.
  void end_input() { at_end_ = true; }
  /// Handles a key when has_room() is false. The key is lost unless it sends a signal.
  [[nodiscard]] std::optional<abi::Signal> receive_without_room(char key) {
    return receive_signal(key);
  }

  /// Whether a read would return something, the end of the file included.
  bool has_input() const { return finished_ > 0 || at_end_; }
  /// The bytes for the next read. They end at the end of a line (canonical mode) or where the queue
  /// wraps around. Empty: the end of the file.
  std::span<const char> input() const;
  /// Consumes the first `count` bytes of input(). If input() is empty, consumes the end of the
  /// file. Returns whether a line ends there.
  bool consume(std::size_t count);
  /// Bytes that can be read without waiting (FIONREAD).
  std::size_t available() const { return finished_; }

  Input kind() const { return kind_; }
  bool canonical() const { return has(abi::termios_icanon); }
  const abi::Termios& settings() const { return settings_; }
  void set_settings(const abi::Termios& settings);
  /// Drops all unread input.
  void flush();
  /// Whether ^S has stopped the output, and ^Q has not started it again (IXON).
  bool has_stopped_output() const { return has_stopped_output_; }
  /// Starts or stops the output (tcflow(3)).
  void stop_output(bool stop) { has_stopped_output_ = stop; }

 private:
  static constexpr std::size_t queue_size = 4096;

  bool has(std::uint32_t local_flag) const { return (settings_.local_flags & local_flag) != 0; }
  bool has_input_flag(std::uint32_t flag) const { return (settings_.input_flags & flag) != 0; }
  void receive_framed(char byte);
  std::optional<abi::Signal> receive_typed(char key);
  std::optional<abi::Signal> receive_signal(char key);
  bool receive_flow_control(char key);
  std::optional<char> map(char key) const;
  void receive_in_line(char key);
  void put_in_line(char key);
  bool stands_for(char key, unsigned control) const {
    return key != 0 && key == static_cast<char>(settings_.control_chars[control]);
  }
  void end_line(char last);
  void put(char byte);
  void erase_character();
  void erase_word();
  void erase_line();
  void show(std::string_view text) const { show_(context_, {text.data(), text.size()}); }
  void echo(char key) const;
  void show_line();

  std::size_t slot(std::size_t index) const { return (first_ + index) % queue_size; }
  char last() const { return queue_[slot(size_ - 1)]; }
  bool line_is_empty() const { return size_ == finished_; }
  bool is_end_mark(std::size_t index) const;

  Show show_;
  void* context_;
  Input kind_;
  bool has_stopped_output_ = false;
  bool next_is_literal_ = false;  // the previous key was ^V
  bool escaped_ = false;          // framed: the previous byte was a DLE that starts a sequence
  bool at_end_ = false;           // framed: the end of the file follows the queue
  abi::Termios settings_;

  // The queue: `size_` bytes from `first_` on. The first `finished_` bytes may be read. The others
  // are the line being typed. `ends_` has a bit for each byte that ends a line. ^D ends a line with
  // a mark, a zero byte that reads do not return.
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t finished_ = 0;
  std::bitset<queue_size> ends_;
  std::array<char, queue_size> queue_;
};

}  // namespace kernel
