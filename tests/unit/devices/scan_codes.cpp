// The bytes that keys send: scan codes of set 1, sequences of xterm.
#include "devices/scan_codes.h"

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>
#include <random>
#include <string>

using kernel::ScanCodes;

namespace {

/// The bytes that the keys with these codes send.
std::string typed(std::initializer_list<int> codes, ScanCodes&& state = {}) {
  std::string text;
  for (const int code : codes) text += state.accept(static_cast<std::uint8_t>(code));
  return text;
}

struct Row {
  const char* keys;
  std::initializer_list<int> codes;
  std::string bytes;
};

}  // namespace

TEST_CASE("a key sends its byte when it is pressed, and a modifier changes it while it is held") {
  using namespace std::string_literals;
  const Row rows[] = {
      {"a, A, a", {0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x1e}, "aAa"},
      {"the right shift", {0x36, 0x02, 0x82, 0xb6, 0x02}, "!1"},
      {"both shifts, one released", {0x2a, 0x36, 0xaa, 0x1e}, "A"},
      {"the first row", {0x29, 0x02, 0x0b, 0x0c, 0x0d}, "`10-="},
      {"the first row, shifted", {0x2a, 0x29, 0x03, 0x0b, 0x0c, 0x0d}, "~@)_+"},
      {"the other rows",
       {0x10, 0x19, 0x1a, 0x1b, 0x26, 0x27, 0x28, 0x2b, 0x2c, 0x35},
       "qp[]l;'\\z/"},
      {"… shifted", {0x2a, 0x1a, 0x1b, 0x27, 0x28, 0x2b, 0x33, 0x34, 0x35}, "{}:\"|<>?"},
      {"left of Z", {0x56, 0x2a, 0x56}, "<>"},
      {"space, tab, enter, backspace, escape", {0x39, 0x0f, 0x1c, 0x0e, 0x01}, " \t\r\x7f\x1b"},
      {"caps lock", {0x3a, 0xba, 0x1e, 0x02, 0x2a, 0x1e, 0x02, 0xaa, 0x3a, 0xba, 0x1e}, "A1a!a"},
      {"caps lock, held until it repeats", {0x3a, 0x3a, 0x3a, 0xba, 0x1e, 0x3a, 0x1e}, "Aa"},
      {"num lock, held until it repeats",
       {0x45, 0x45, 0xc5, 0x47, 0x45, 0x45, 0xc5, 0x47},
       "7\x1b[H"},
      {"control C, D, Z",
       {0x1d, 0x2e, 0x20, 0x2c, 0x9d, 0x2e},
       "\x03\x04\x1a"
       "c"},
      {"the right control",
       {0xe0, 0x1d, 0x2e, 0xe0, 0x9d, 0x2e},
       "\x03"
       "c"},
      {"control [ \\ ] 6 - and space",
       {0x1d, 0x1a, 0x2b, 0x1b, 0x07, 0x0c, 0x39},
       "\x1b\x1c\x1d\x1e\x1f\0"s},
      {"control with 1 and enter", {0x1d, 0x02, 0x1c}, "1\r"},
      {"control backspace", {0x1d, 0x0e}, "\b"},
      {"alt x", {0x38, 0x2d, 0xb8, 0x2d}, "\x1bxx"},
      {"shift tab", {0x2a, 0x0f}, "\x1b[Z"},
      {"a repeated key", {0x1e, 0x1e, 0x1e, 0x9e}, "aaa"},
  };
  for (const auto& [keys, codes, bytes] : rows) {
    CAPTURE(keys);
    CHECK(typed(codes) == bytes);
  }
}

TEST_CASE("special keys send the sequences of xterm") {
  const Row rows[] = {
      {"arrows",
       {0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x50, 0xe0, 0x4d, 0xe0, 0x4b},
       "\x1b[A\x1b[B\x1b[C\x1b[D"},
      {"home, end", {0xe0, 0x47, 0xe0, 0x4f}, "\x1b[H\x1b[F"},
      {"insert, delete, page up, page down",
       {0xe0, 0x52, 0xe0, 0x53, 0xe0, 0x49, 0xe0, 0x51},
       "\x1b[2~\x1b[3~\x1b[5~\x1b[6~"},
      {"control right", {0x1d, 0xe0, 0x4d}, "\x1b[1;5C"},
      {"shift alt delete", {0x2a, 0x38, 0xe0, 0x53}, "\x1b[3;4~"},
      {"F1, F4, F5, F6, F10",
       {0x3b, 0x3e, 0x3f, 0x40, 0x44},
       "\x1bOP\x1bOS\x1b[15~\x1b[17~\x1b[21~"},
      {"F11, F12", {0x57, 0x58}, "\x1b[23~\x1b[24~"},
      {"control F1, control shift alt F12", {0x1d, 0x3b, 0x2a, 0x38, 0x58}, "\x1b[1;5P\x1b[24;8~"},
      {"the keypad",
       {0x47, 0x4c, 0x53, 0x4a, 0x4e, 0x37, 0xe0, 0x35, 0xe0, 0x1c},
       "\x1b[H\x1b[3~-+*/\r"},
      {"the keypad with its lock", {0x45, 0xc5, 0x47, 0x4c, 0x53, 0x52}, "75.0"},
      {"an arrow between shifts of the keyboard itself",
       {0xe0, 0x2a, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0xaa, 0x1e},
       "\x1b[Aa"},
  };
  for (const auto& [keys, codes, bytes] : rows) {
    CAPTURE(keys);
    CHECK(typed(codes) == bytes);
  }
}

TEST_CASE("codes of no key, answers of the keyboard and the pause key send nothing") {
  CHECK(typed({0xfa, 0xfe, 0xee, 0xaa, 0x54, 0x7f, 0xe0, 0x5b, 0xe0, 0x00, 0xe0, 0x7f}).empty());
  CHECK(typed({0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x1e}) == "a");
  CHECK(typed({0xe0, 0xe0, 0x48}) == "\x1b[A");
  CHECK(typed({0xe0, 0x2e}).empty());  // not the letter with this code
}

TEST_CASE("a keyboard that has lost codes holds no modifier") {
  CHECK(typed({0x1d, 0x2a, 0x38, 0xff, 0x1e}) == "a");
  CHECK(typed({0x1d, 0x00, 0x1e}) == "a");
}

TEST_CASE("after any bytes a keyboard types again") {
  std::mt19937 random{3};
  for (int round = 0; round < 300; ++round) {
    ScanCodes codes;
    for (int i = 0; i < 200; ++i)
      CHECK(codes.accept(static_cast<std::uint8_t>(random())).size() <= ScanCodes::most_bytes);
    // Two bytes end a sequence of the prefixes, and lost codes end the modifiers.
    std::string text;
    for (const std::uint8_t code : {0x7f, 0x7f, 0xff, 0x39}) text += codes.accept(code);
    CHECK(text == " ");
  }
}
