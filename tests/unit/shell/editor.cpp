#include "editor.h"

#include <catch2/catch_test_macros.hpp>

#include "screen.h"

using namespace shell;
using Rows = std::vector<std::string>;
using Cursor = std::pair<std::size_t, std::size_t>;

namespace {

constexpr std::string_view up = "\x1b[A", down = "\x1b[B", right = "\x1b[C", left = "\x1b[D",
                           home = "\x1b[H", end = "\x1b[F", del = "\x1b[3~",
                           word_left = "\x1b[1;5D", word_right = "\x1b[1;5C";

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::string keys(std::initializer_list<std::string_view> texts) {
  std::string result;
  for (const auto text : texts) result += text;
  return result;
}

Completion nothing(std::string_view) {
  return {};
}

// An editor at a screen, with what it has read.
struct Editing {
  ScreenTerminal screen;
  History history;
  Completer completer = nothing;
  Typed typed{};

  explicit Editing(std::size_t columns = 20) : screen{columns} {}
  // Types, and reads a line. Without the Enter key the line is still on the screen.
  Typed read(std::string_view text, std::string_view prompt = "$ ") {
    screen.type(text);
    typed = LineEditor{screen, history, completer}.read(prompt);
    return typed;
  }
};

// The line after these keys and Enter.
std::string line_of(std::string_view text) {
  Editing editing;
  const auto typed = editing.read(keys({text, "\r"}));
  CHECK(typed.how == Typed::How::line);
  return typed.text;
}

}  // namespace

TEST_CASE("the line editor returns the typed line, and leaves what follows it unread") {
  Editing editing;
  const auto typed = editing.read("echo hello\rnext");
  CHECK(typed.how == Typed::How::line);
  CHECK(typed.text == "echo hello");
  CHECK(editing.screen.unread() == "next");
  CHECK(editing.screen.rows() == Rows{"$ echo hello"});
  CHECK(editing.screen.cursor() == Cursor{1, 0});
}

TEST_CASE("keys typed at the end of the line cause no cursor movements") {
  Editing editing;
  editing.read("echo\r");
  CHECK(editing.screen.written() == "$ echo\n");
}

TEST_CASE("arrow keys, Home, End and control keys move the cursor") {
  CHECK(line_of(keys({"wrng", left, left, left, "o"})) == "worng");
  CHECK(line_of(keys({"bc", home, "a", end, "d"})) == "abcd");
  CHECK(line_of("bc\x01"
                "a\x05"
                "d") == "abcd");
  CHECK(line_of(keys({"ac\x02", "b\x06", "d"})) == "abcd");
  CHECK(line_of(keys({"ab", left, left, left, left, "x", right, right, right, "y"})) == "xaby");
  CHECK(line_of(keys({"bc", "\x1bOH", "a", "\x1bOF", "d", "\x1b[1~", "<", "\x1b[4~", ">"})) ==
        "<abcd>");
}

TEST_CASE("words end at blanks and punctuation for moves") {
  CHECK(line_of(keys({"one two/three", word_left, "<", word_left, "<"})) == "one <two/<three");
  CHECK(line_of(keys({"one two", home, word_right, ">",
                      "\x1b"
                      "f",
                      ">"})) == "one> two>");
  CHECK(line_of(keys({"one two",
                      "\x1b"
                      "b",
                      "<"})) == "one <two");
}

TEST_CASE("backspace and Delete erase a character") {
  CHECK(line_of("wrong\x7f\x7f\b\b\bright") == "right");
  CHECK(line_of(keys({"abc", home, del, "\x04"})) == "c");
  CHECK(line_of("\x7f\x7f"
                "a") == "a");
}

TEST_CASE("control keys erase a part of the line, and Ctrl-Y inserts it again") {
  CHECK(line_of(keys({"one two", word_left, "\x0b", "X"})) == "one X");
  CHECK(line_of(keys({"one two", word_left, "\x15", "X"})) == "Xtwo");
  CHECK(line_of("ls /a/b  \x17"
                "c") == "ls c");
  CHECK(line_of("one two\x17\x01\x19") == "twoone ");
  CHECK(line_of("one/two\x1b\x7f") == "one/");
  CHECK(line_of(keys({"one two", home,
                      "\x1b"
                      "d"})) == " two");
}

TEST_CASE("Ctrl-C and Ctrl-\\ discard the line, and Ctrl-D ends the input on an empty line") {
  Editing editing;
  CHECK(editing.read("half\x03").how == Typed::How::given_up);
  CHECK(editing.screen.rows() == Rows{"$ half^C"});
  CHECK(editing.read("half\x1c").how == Typed::How::given_up);
  CHECK(editing.read("\x04").how == Typed::How::end);
  CHECK(editing.read("unfinished").how == Typed::How::end);
}

TEST_CASE("a long line wraps at the terminal's width") {
  Editing editing{10};
  editing.read("abcdefgh");
  CHECK(editing.screen.rows() == Rows{"$ abcdefgh"});
  Editing longer{10};
  longer.read("abcdefghijklmnopqrstu");
  CHECK(longer.screen.rows() == Rows{"$ abcdefgh", "ijklmnopqr", "stu"});
  Editing inserted{10};
  inserted.read(keys({"abcdefghijklmnopqr", home, "XY", end, "\x7f", left, left}));
  CHECK(inserted.screen.rows() == Rows{"$ XYabcdef", "ghijklmnop", "q"});
}

TEST_CASE("the cursor is where the next character goes, also in wrapped lines") {
  Editing editing{10};
  const auto typed = editing.read(keys({"abcdefghijkl", repeated(left, 5), "-\r"}));
  CHECK(typed.text == "abcdefg-hijkl");
  CHECK(editing.screen.rows() == Rows{"$ abcdefg-", "hijkl"});
  CHECK(editing.screen.cursor() == Cursor{2, 0});
}

TEST_CASE("characters of several bytes count as one, and wide ones take two columns") {
  CHECK(line_of(keys({"größe", left, left, "\x7f", "oe"})) == "groeße");
  CHECK(line_of(keys({"日本", left, "x"})) == "日x本");
  Editing editing{7};
  const auto typed = editing.read(keys({"日本語x", home, "ab\r"}));
  CHECK(typed.text == "ab日本語x");
  CHECK(editing.screen.rows() == Rows{"$ ab日", "本語x"});
}

TEST_CASE("bytes that are no UTF-8, and unknown sequences, are ignored") {
  CHECK(line_of("a\xff\xc3("
                "b\xe2\x82z") == "a(bz");
  CHECK(line_of("a\x1b[5~\x1b[200;1;2;3;4;5;6;7;8;9;10qb\x1bOPc\x1bqd") == "abcd");
  CHECK(line_of("a\x1b[1\rb").starts_with("a"));
}

TEST_CASE("Up and Down show earlier lines, and keep the new one") {
  Editing editing;
  editing.history.add("first");
  editing.history.add("second");
  CHECK(editing.read(keys({up, "\r"})).text == "second");
  CHECK(editing.read(keys({up, up, up, "!\r"})).text == "first!");
  CHECK(editing.read(keys({"new", up, up, down, down, down, "er\r"})).text == "newer");
  CHECK(editing.read("\x10\x10\x0e\r").text == "second");
}

TEST_CASE("the history ignores blank and repeated lines, and drops the oldest") {
  History history;
  history.add("  ");
  history.add("a");
  history.add("a");
  CHECK(history.size() == 1);
  for (std::size_t i = 0; i < History::most_lines; ++i) history.add(decimal(static_cast<long>(i)));
  CHECK(history.size() == History::most_lines);
  CHECK(history[0] == "0");
  CHECK(history.dropped() == 1);
}

TEST_CASE("Ctrl-R finds earlier lines") {
  Editing editing{40};
  for (const auto* const line : {"echo one", "ls /bin", "echo two"}) editing.history.add(line);
  CHECK(editing
            .read("\x12"
                  "echo\r")
            .text == "echo two");
  CHECK(editing
            .read("\x12"
                  "echo\x12\r")
            .text == "echo one");
  CHECK(editing
            .read(keys({"\x12"
                        "bin",
                        end, "/x\r"}))
            .text == "ls /bin/x");
  CHECK(editing
            .read(keys({"\x12"
                        "ls",
                        up, "\r"}))
            .text == "echo one");
  CHECK(editing
            .read("typed\x12"
                  "two\x07 on\r")
            .text == "typed on");
  CHECK(editing
            .read("\x12"
                  "none\x7f\x7f\x7f\x7fls\r")
            .text == "ls /bin");
  CHECK(editing
            .read("\x12"
                  "echo\x03")
            .how == Typed::How::given_up);
  Editing shown{40};
  shown.history.add("echo two");
  shown.read(
      "\x12"
      "two");
  CHECK(shown.screen.rows() == Rows{"$ echo two"});
}

TEST_CASE("Tab inserts what all candidates have in common, and then lists them") {
  Editing editing{30};
  editing.completer = [](std::string_view line) -> Completion {
    if (line == "ec") return {{{"ho", "echo"}}, " "};
    if (line == "c") return {{{"at", "cat"}, {"ap", "cap"}}, " "};
    if (line == "ca") return {{{"t", "cat"}, {"p", "cap"}}, " "};
    return {};
  };
  CHECK(editing.read("ec\tx\r").text == "echo x");
  CHECK(editing.read("c\tt\r").text == "cat");
  CHECK(editing.read("zz\t\r").text == "zz");
  CHECK(editing.screen.bells() == 1);
  CHECK(editing.read(keys({" x", home, "ec\t!\r"})).text == "echo ! x");
  Editing listed{30};
  listed.completer = editing.completer;
  CHECK(listed.read("ca\tt\r").text == "cat");
  CHECK(listed.screen.rows() == Rows{"$ ca", "cat  cap", "$ cat"});
}

TEST_CASE("a part of a character is no common part of candidates") {
  Editing editing;
  editing.completer = [](std::string_view) -> Completion {
    return {{{"\xc3\xa4", "ä"}, {"\xc3\xb6", "ö"}}, " "};
  };
  CHECK(editing.read("\t\r").text.empty());
}

TEST_CASE("Ctrl-L clears the screen and shows the line again") {
  Editing editing;
  editing.read("first\r");
  editing.read(keys({"second", left, "\x0c"}));
  CHECK(editing.screen.rows() == Rows{"$ second"});
}

TEST_CASE("the length of a line has a limit") {
  Editing editing{80};
  const auto typed = editing.read(std::string(LineEditor::longest_line + 10, 'x') + "\r");
  CHECK(typed.text.size() == LineEditor::longest_line);
  CHECK(editing.screen.bells() == 10);
}

TEST_CASE("after arbitrary keys the screen shows the prompt and the line") {
  std::uint64_t state = 1;
  const auto random = [&state](std::size_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % limit;
  };
  const std::string_view choices[] = {"a",    "b c",      "ö",    "日",   "\t",   up,
                                      down,   left,       right,  home,   end,    del,
                                      "\x7f", "\x17",     "\x0b", "\x19", "\x15", word_left,
                                      "\x01", word_right, "\x05", "xyz",  "\xff", "\x1b"};
  for (int i = 0; i < 2'000; ++i) {
    Editing editing{3 + random(12)};
    editing.history.add("an earlier line");
    std::string typed;
    for (int n = 0; n < 40; ++n) typed += choices[random(std::size(choices))];
    typed += "z\r";
    const auto line = editing.read(typed).text;
    std::string shown;
    for (const auto& row : editing.screen.rows()) shown += row;
    std::string wanted = "$ " + line;
    std::erase(shown, ' ');  // blanks at the ends of rows are lost
    std::erase(wanted, ' ');
    REQUIRE(shown == wanted);
  }
}
