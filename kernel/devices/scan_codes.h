// Turns the scan codes of a PC's keyboard into the bytes that a terminal sends. The codes are those
// of set 1 (IBM, Personal System/2 Hardware Interface Technical Reference: Keyboards), the keys
// those of a US keyboard, and the sequences of special keys those of xterm.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kernel {

class ScanCodes {
 public:
  /// The longest sequence is that of F12 with a modifier.
  static constexpr std::size_t most_bytes = 7;

  /// Takes the next byte of the keyboard. Returns the bytes of the key that it completes; they are
  /// valid until the next call. Empty if it completes no key that sends bytes. Ignores bytes that
  /// are no scan codes.
  std::string_view accept(std::uint8_t byte);

 private:
  bool hold(std::uint8_t code, bool extended, bool pressed);
  void press(std::uint8_t code, bool extended);
  bool press_special(std::uint8_t code);
  bool press_keypad(std::uint8_t code);
  void put(char byte) { text_[length_++] = byte; }
  void put_character(char plain, char shifted);
  void put_sequence(std::string_view number, char last);

  /// Which of two equal keys are held: bit 0 for the left one, bit 1 for the right one.
  std::uint8_t shift_ = 0, control_ = 0, alt_ = 0;
  /// Which keys of locks are held: bit 0 for caps lock, bit 1 for num lock.
  std::uint8_t held_locks_ = 0;
  bool caps_lock_ = false, num_lock_ = false;
  bool is_extended_ = false;  // the last byte was the prefix E0
  unsigned skipped_ = 0;      // how many bytes after the prefix E1 are still to be ignored
  std::array<char, most_bytes> text_{};
  std::size_t length_ = 0;
};

}  // namespace kernel
