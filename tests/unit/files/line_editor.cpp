// The line discipline, with input key by key.
#include "files/line_editor.h"

#include "support.h"

using kernel::LineEditor;

namespace {

std::string screen;
std::vector<abi::Signal> signals;

LineEditor make_editor(LineEditor::Input input = LineEditor::Input::typed) {
  screen.clear();
  signals.clear();
  return LineEditor{
      [](void*, std::span<const char> text) { screen.append(text.data(), text.size()); }, nullptr,
      input};
}

void type(LineEditor& editor, std::string_view keys) {
  for (const char key : keys) {
    REQUIRE(editor.has_room());
    if (const auto signal = editor.receive(key)) signals.push_back(*signal);
  }
}

/// Reads all input that is ready.
std::string read(LineEditor& editor) {
  std::string text;
  while (editor.has_input()) {
    const auto input = editor.input();
    text.append(input.data(), input.size());
    if (editor.consume(input.size()) || input.empty()) break;
  }
  return text;
}

void turn_off(LineEditor& editor, std::uint32_t local_flags) {
  abi::Termios settings = editor.settings();
  settings.local_flags &= ~local_flags;
  editor.set_settings(settings);
}

}  // namespace

TEST_CASE("a finished line can be read and has been echoed") {
  LineEditor editor = make_editor();
  type(editor, "hel");
  CHECK(!editor.has_input());
  type(editor, "lo\rnext");
  CHECK(editor.has_input());
  CHECK(read(editor) == "hello\n");
  CHECK(!editor.has_input());
  CHECK(screen == "hello\nnext");
}

TEST_CASE("each read returns one line") {
  LineEditor editor = make_editor();
  type(editor, "one\ntwo\n\nthree");
  CHECK(read(editor) == "one\n");
  CHECK(read(editor) == "two\n");
  CHECK(read(editor) == "\n");
  CHECK(!editor.has_input());
}

TEST_CASE("VEOL and VEOL2 end a line and stay in it") {
  LineEditor editor = make_editor();
  abi::Termios settings = editor.settings();
  settings.control_chars[abi::termios_vintr] = 0;
  settings.control_chars[abi::termios_veol] = 'C' & 0x1f;
  settings.control_chars[abi::termios_veol2] = ';';
  editor.set_settings(settings);
  type(editor, "wrong\x03one;two\n");
  CHECK(read(editor) == "wrong\x03");
  CHECK(read(editor) == "one;");
  CHECK(read(editor) == "two\n");
  CHECK(screen == "wrong^Cone;two\n");
  CHECK(signals.empty());
}

TEST_CASE("backspace, ^W and ^U erase from the line, and from the screen") {
  LineEditor editor = make_editor();
  type(editor, "abc\x7f\x08x\n");
  CHECK(read(editor) == "ax\n");
  CHECK(screen == "abc\b \b\b \bx\n");
  type(editor, "one two  \x17three\n");
  CHECK(read(editor) == "one three\n");
  type(editor, "wrong\x15\x7f\x17right\n");
  CHECK(read(editor) == "right\n");
}

TEST_CASE("^U leaves a long line on the screen") {
  LineEditor editor = make_editor();
  const std::string line(1000, 'x');
  type(editor, line + "\x15right\n");
  CHECK(read(editor) == "right\n");
  CHECK(screen == line + "^U\nright\n");
}

TEST_CASE("backspace erases a character of several bytes as one") {
  LineEditor editor = make_editor();
  type(editor,
       "a\xc3\xa9\x7f"
       "b\n");
  CHECK(read(editor) == "ab\n");
}

TEST_CASE("erasing stops at the start of the line") {
  LineEditor editor = make_editor();
  type(editor, "kept\n\x7f\x7f\x15\x17x\n");
  CHECK(read(editor) == "kept\n");
  CHECK(read(editor) == "x\n");
}

TEST_CASE("^D on an empty line ends the file, and otherwise completes the read") {
  LineEditor editor = make_editor();
  type(editor, "\x04");
  CHECK(editor.has_input());
  CHECK(read(editor) == "");
  CHECK(!editor.has_input());
  type(editor,
       "part\x04"
       "rest\n");
  CHECK(read(editor) == "part");
  CHECK(read(editor) == "rest\n");
  CHECK(!editor.has_input());
  CHECK(screen == "partrest\n");
}

TEST_CASE("^C sends a signal and drops the line") {
  LineEditor editor = make_editor();
  type(editor, "abc\x03x\n\x1c\x1a");
  CHECK(signals == std::vector{abi::Signal::sigint, abi::Signal::sigquit, abi::Signal::sigtstp});
  CHECK(screen == "abc^Cx\n^\\^Z");
  turn_off(editor, abi::termios_isig);
  type(editor, "\x03\n");
  CHECK(read(editor) == "\x03\n");
}

TEST_CASE("without canonical mode each byte can be read at once, without echo none is shown") {
  LineEditor editor = make_editor();
  turn_off(editor, abi::termios_icanon | abi::termios_echo);
  type(editor, "a\x7f\x04\r");
  CHECK(read(editor) == "a\x7f\x04\n");
  CHECK(screen.empty());
}

TEST_CASE("a change of mode keeps all bytes that were typed") {
  LineEditor editor = make_editor();
  type(editor, "one\ntw");
  turn_off(editor, abi::termios_icanon);
  CHECK(read(editor) == "one\ntw");
}

TEST_CASE("a line that fills the queue is read in parts") {
  LineEditor editor = make_editor();
  const std::string line(10'000, 'y');
  std::string got;
  std::size_t typed = 0;
  while (typed < line.size()) {
    while (typed < line.size() && editor.has_room()) type(editor, line.substr(typed++, 1));
    if (!editor.has_room()) got += read(editor);
  }
  type(editor, "\n");
  got += read(editor);
  CHECK(got == line + "\n");
}

TEST_CASE("framed input is literal, with DLE escapes for DLE itself and the end") {
  LineEditor editor = make_editor(LineEditor::Input::framed);
  type(editor,
       "a\x03\x04\x7f\r\n\x10\x10"
       "E");
  CHECK(read(editor) ==
        "a\x03\x04\x7f\r\n\x10"
        "E");
  CHECK(!editor.has_input());
  type(editor, std::string_view{"x\0y\x10"
                                "E",
                                5});
  CHECK(read(editor) == std::string_view{"x\0y", 3});
  for (int again = 0; again < 3; ++again) {
    CHECK(editor.has_input());
    CHECK(read(editor) == "");
  }
  CHECK(screen.empty());
  CHECK(signals.empty());
}

TEST_CASE("megabytes of framed input arrive as they were sent") {
  LineEditor editor = make_editor(LineEditor::Input::framed);
  test::Random random{3};
  std::string sent, got;
  while (sent.size() < 1 << 20) {
    for (std::uint64_t burst = random.below(5000); burst > 0 && editor.has_room(); --burst) {
      const char byte = static_cast<char>(random.next());
      sent += byte;
      if (byte == '\x10') CHECK(!editor.receive(byte));
      CHECK(!editor.receive(byte));
    }
    std::size_t wanted = random.below(6000);
    while (wanted > 0 && editor.has_input()) {
      const auto input = editor.input();
      const std::size_t count = std::min(wanted, input.size());
      got.append(input.data(), count);
      editor.consume(count);
      wanted -= count;
    }
  }
  got += read(editor);
  CHECK(got == sent);
}

TEST_CASE("a full queue drops bytes but still accepts keys that send signals") {
  LineEditor editor = make_editor();
  std::size_t typed = 0;
  for (; editor.has_room(); ++typed) type(editor, "x");
  CHECK(!editor.receive_without_room('y'));
  CHECK(editor.available() == typed);
  CHECK(signals.empty());
  screen.clear();
  CHECK(editor.receive_without_room('C' & 0x1f) == abi::Signal::sigint);
  CHECK(screen == "^C");
  CHECK(!editor.has_input());
  CHECK(editor.has_room());
}
