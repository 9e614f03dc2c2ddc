#include "devices/scan_codes.h"

#include <utility>

namespace kernel {
namespace {

constexpr std::uint8_t extended_prefix = 0xe0, pause_prefix = 0xe1;
constexpr std::uint8_t codes_were_lost = 0x00, more_codes_were_lost = 0xff;
constexpr std::uint8_t is_release = 0x80;

enum Code : std::uint8_t {
  tab = 0x0f,
  enter = 0x1c,
  control = 0x1d,
  left_shift = 0x2a,
  slash = 0x35,
  right_shift = 0x36,
  alt = 0x38,
  caps_lock = 0x3a,
  f1 = 0x3b,
  f10 = 0x44,
  num_lock = 0x45,
  keypad_first = 0x47,  // the digit 7
  keypad_last = 0x53,   // the point
  left_of_z = 0x56,     // only on keyboards with 102 keys
  f11 = 0x57,
  f12 = 0x58,
};

constexpr char escape = '\x1b', backspace = '\x7f';

using namespace std::string_view_literals;

/// The characters of keys without a shift key and with one; the index is the code. A null byte: the
/// key has no character.
constexpr std::string_view plain =
    "\0\x1b"
    "1234567890-=\x7f\t"
    "qwertyuiop[]\r\0"
    "asdfghjkl;'`\0"
    "\\zxcvbnm,./\0*\0 "sv;
constexpr std::string_view shifted =
    "\0\x1b"
    "!@#$%^&*()_+\x7f\t"
    "QWERTYUIOP{}\r\0"
    "ASDFGHJKL:\"~\0"
    "|ZXCVBNM<>?\0*\0 "sv;

/// The keys of the keypad; the index is the code minus keypad_first. `keypad` has the character
/// that a key sends while Num Lock is on (a shift key inverts the lock). `navigation` has the
/// letter or the number of its sequence while Num Lock is off. If both have the same character, the
/// key always sends that. A space: the key sends nothing.
constexpr std::string_view keypad = "789-456+1230.";
constexpr std::string_view navigation = "HA5-D C+FB623";

bool is_letter(char character) {
  return character >= 'a' && character <= 'z';
}

/// The byte that a key sends while a control key is held. `character`: what it sends otherwise.
char with_control(char character) {
  constexpr char bits = 0x1f;
  switch (character) {
    case ' ':
    case '2': return 0;
    case '6': return '^' & bits;
    case '-':
    case '/': return '_' & bits;
    case '?': return backspace;
    case backspace: return '\b';
    default: return character >= '@' && character <= '~' ? character & bits : character;
  }
}

}  // namespace

static_assert(plain.size() == caps_lock && shifted.size() == caps_lock);
static_assert(keypad.size() == keypad_last - keypad_first + 1 &&
              keypad.size() == navigation.size());

std::string_view ScanCodes::accept(std::uint8_t byte) {
  length_ = 0;
  if (skipped_ > 0) {
    --skipped_;
    return {};
  }
  const bool extended = std::exchange(is_extended_, byte == extended_prefix);
  if (byte == extended_prefix) return {};
  if (byte == pause_prefix) {
    skipped_ = 2;  // the pause key sends two codes of three bytes
    return {};
  }
  if (byte == codes_were_lost || byte == more_codes_were_lost) {
    shift_ = control_ = alt_ = held_locks_ = 0;  // their releases may be lost
    return {};
  }
  const auto code = static_cast<std::uint8_t>(byte & ~is_release);
  const bool pressed = (byte & is_release) == 0;
  // Keyboards send a shift code with the prefix around the codes of some keys. It changes no shift
  // key.
  if (extended && (code == left_shift || code == right_shift)) return {};
  if (!hold(code, extended, pressed) && pressed) press(code, extended);
  return {text_.data(), length_};
}

/// Updates the state of a modifier or a lock. Returns false if the key is neither.
bool ScanCodes::hold(std::uint8_t code, bool extended, bool pressed) {
  const auto keep = [pressed](std::uint8_t& held, bool is_right) {
    const auto bit = static_cast<std::uint8_t>(is_right ? 2 : 1);
    held = static_cast<std::uint8_t>(pressed ? held | bit : held & ~bit);
    return true;
  };
  // A keyboard repeats the code of a key that is held.
  const auto toggle = [&](bool& lock, bool is_num_lock) {
    const std::uint8_t before = held_locks_;
    keep(held_locks_, is_num_lock);
    lock ^= held_locks_ > before;
    return true;
  };
  switch (code) {
    case left_shift: return keep(shift_, false);
    case right_shift: return keep(shift_, true);
    case control: return keep(control_, extended);
    case alt: return keep(alt_, extended);
    case caps_lock: return toggle(caps_lock_, false);
    case num_lock: return toggle(num_lock_, true);
    default: return false;
  }
}

void ScanCodes::press(std::uint8_t code, bool extended) {
  if (extended) {  // a key of the keypad or of navigation
    if (code == enter) return put_character('\r', '\r');
    if (code == slash) return put_character('/', '/');
    if (code >= keypad_first && code <= keypad_last) (void)press_special(code);
    return;
  }
  if (code == tab && shift_ != 0) return put_sequence({}, 'Z');
  if (code == left_of_z) return put_character('<', '>');
  if (press_keypad(code) || press_special(code)) return;
  if (code < plain.size() && plain[code] != '\0') put_character(plain[code], shifted[code]);
}

/// Handles a key of the keypad that sends its character. Returns false for any other key.
bool ScanCodes::press_keypad(std::uint8_t code) {
  if (code < keypad_first || code > keypad_last) return false;
  const std::size_t at = code - keypad_first;
  const bool has_sequence = keypad[at] != navigation[at];
  if (has_sequence && num_lock_ == (shift_ != 0)) return false;
  put_character(keypad[at], keypad[at]);
  return true;
}

/// Handles a key that sends a sequence: of navigation, or F1 to F12. Returns false for any other
/// key.
bool ScanCodes::press_special(std::uint8_t code) {
  if (code >= keypad_first && code <= keypad_last) {
    const char sent = navigation[code - keypad_first];
    if (sent >= '2' && sent <= '6') {
      put_sequence({&sent, 1}, '~');
    } else if (sent >= 'A' && sent <= 'H') {
      put_sequence({}, sent);
    }
    return true;
  }
  const bool in_row = code >= f1 && code <= f10;
  if (!in_row && code != f11 && code != f12) return false;
  constexpr std::array<std::string_view, 12> numbers{"",   "",   "",   "",   "15", "17",
                                                     "18", "19", "20", "21", "23", "24"};
  const std::size_t which = in_row ? code - f1 : code - f11 + 10U;
  constexpr std::size_t with_letters = 4;
  which < with_letters ? put_sequence({}, static_cast<char>('P' + which))
                       : put_sequence(numbers[which], '~');
  return true;
}

void ScanCodes::put_character(char plain, char shifted) {
  const bool is_shifted = (shift_ != 0) != (caps_lock_ && is_letter(plain));
  const char character = is_shifted ? shifted : plain;
  if (alt_ != 0) put(escape);
  put(control_ != 0 ? with_control(character) : character);
}

/// Puts an escape sequence that ends with `last`. `number`: empty unless `last` is a tilde.
void ScanCodes::put_sequence(std::string_view number, char last) {
  const bool is_back_tab = last == 'Z';
  const int modifiers =
      is_back_tab ? 0 : (shift_ != 0 ? 1 : 0) + (alt_ != 0 ? 2 : 0) + (control_ != 0 ? 4 : 0);
  const bool is_f1_to_f4 = last >= 'P' && last <= 'S';
  put(escape);
  put(is_f1_to_f4 && modifiers == 0 ? 'O' : '[');
  for (const char digit : number) put(digit);
  if (modifiers != 0) {
    if (number.empty()) put('1');
    put(';');
    put(static_cast<char>('1' + modifiers));
  }
  put(last);
}

}  // namespace kernel
