// What a terminal makes of its keys: the line discipline (termios(3)), apart from any device.
//
//   keys ──▶ receive ──▶ line being typed ── Enter, ^D ──▶ finished lines ──▶ input, consume
//               │              ▲
//               ├─ echo        └ backspace, ^W, ^U
//               └─ ^C, ^\ : signal
//
// In canonical mode a read gets one line at most (VEOL and VEOL2 end one as Enter does); without
// it, every key at once. Where input is framed (it comes from a file, not from a person) bytes are
// literal, except that DLE DLE is one DLE and DLE E is the end of the file. Nothing is dropped: who
// calls `receive` asks `has_room` first.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <span>
#include <string_view>

namespace kernel {

class LineEditor {
 public:
  enum class Input : bool { typed, framed };

  /// What it needs done outside. Called from within `receive`.
  struct Outside {
    void (*show)(std::span<const char> text);
    void (*signal)(abi::Signal signal);
  };

  LineEditor(Outside outside, Input input);

  /// Whether `receive` may be called. If not, somebody has to read first.
  bool has_room() const { return size_ < queue_size; }
  void receive(char key);
  /// Framed: as after the bytes that end a file.
  void end_input() { at_end_ = true; }
  /// The same for a key that there is no room for: it is lost unless it stands for a signal.
  void receive_without_room(char key) { (void)receive_signal(key); }

  /// Whether a read has an answer, be it the end of the file.
  bool has_input() const { return finished_ > 0 || at_end_; }
  /// What a read may have: up to the end of one line in canonical mode; no more than up to where
  /// the queue wraps around. Empty is the end of the file.
  std::span<const char> input() const;
  /// Uses up the first `count` bytes of it; of an empty one, the end of the file. True when a line
  /// ends there.
  bool consume(std::size_t count);
  /// Bytes that can be read without waiting (FIONREAD).
  std::size_t available() const { return finished_; }

  Input kind() const { return kind_; }
  bool canonical() const { return has(abi::termios_icanon); }
  const abi::Termios& settings() const { return settings_; }
  void set_settings(const abi::Termios& settings);
  /// Forgets what was not read yet.
  void flush();

 private:
  static constexpr std::size_t queue_size = 4096;

  bool has(std::uint32_t local_flag) const { return (settings_.local_flags & local_flag) != 0; }
  void receive_framed(char byte);
  void receive_typed(char key);
  bool receive_signal(char key);
  bool stands_for(char key, unsigned control) const {
    return key != 0 && key == static_cast<char>(settings_.control_chars[control]);
  }
  void end_line(char last);
  void put(char byte);
  void erase_character();
  void erase_word();
  void erase_line();
  void show(std::string_view text) const { outside_.show({text.data(), text.size()}); }
  void echo(char key) const;

  std::size_t slot(std::size_t index) const { return (first_ + index) % queue_size; }
  char last() const { return queue_[slot(size_ - 1)]; }
  bool line_is_empty() const { return size_ == finished_; }
  bool is_end_mark(std::size_t index) const;

  Outside outside_;
  Input kind_;
  bool escaped_ = false;  // framed: the byte before was a DLE on its own
  bool at_end_ = false;   // framed: the end of the file follows the queue
  abi::Termios settings_;

  // The queue: `size_` bytes from `first_` on. The first `finished_` may be read, the others are
  // the line being typed. Where a line ends, `ends_` has a bit; ^D ends one with a mark, a zero
  // byte that nobody gets to see.
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t finished_ = 0;
  std::bitset<queue_size> ends_;
  std::array<char, queue_size> queue_;
};

}  // namespace kernel
