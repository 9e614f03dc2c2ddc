#include "parse.h"

#include <abi/flags.h>

#include <catch2/catch_test_macros.hpp>

using namespace shell;

namespace {

AndOr only_item(std::string_view text) {
  auto list = take_line(text);
  REQUIRE(list);
  REQUIRE(list->items.size() == 1);
  return std::move(list->items[0]);
}

Command only_command(std::string_view text) {
  auto item = only_item(text);
  REQUIRE(item.items.size() == 1);
  REQUIRE(item.items[0].pipeline.commands.size() == 1);
  return std::move(item.items[0].pipeline.commands[0]);
}

// The texts of the words, with quoted pieces in <>.
std::vector<std::string> shown_words(std::string_view text) {
  std::vector<std::string> result;
  for (const auto& word : only_command(text).words) {
    std::string shown;
    for (const auto& part : word.parts) {
      const std::string kind = part.kind == Part::Kind::literal     ? ""
                               : part.kind == Part::Kind::parameter ? "$"
                               : part.kind == Part::Kind::command   ? "$("
                                                                    : "$((";
      const auto piece = kind + part.text + part.operation;
      shown += part.quoted ? "<" + piece + ">" : piece;
    }
    result.push_back(shown);
  }
  return result;
}

std::string syntax_error(std::string_view text) {
  const auto list = take_line(text);
  if (list) return "";
  return list.error().message + (list.error().is_incomplete ? " …" : "");
}

using Shown = std::vector<std::string>;

}  // namespace

TEST_CASE("blanks separate words") {
  CHECK(shown_words("  ls   -l\t/bin ") == Shown{"ls", "-l", "/bin"});
}

TEST_CASE("an empty line and a comment are no commands") {
  for (std::string_view text : {"", "   ", "# ls", "\n"}) {
    const auto list = take_line(text);
    REQUIRE(list);
    CHECK(list->items.empty());
  }
  CHECK(shown_words("ls # -l") == Shown{"ls"});
  CHECK(shown_words("ls a#b") == Shown{"ls", "a#b"});
}

TEST_CASE("a line ends at a newline, and the rest remains") {
  std::string_view text = "first; second\nthird";
  const auto list = take_line(text);
  REQUIRE(list);
  CHECK(list->items.size() == 2);
  CHECK(text == "third");
}

TEST_CASE("quotation marks keep blanks and operators, and may be empty") {
  CHECK(shown_words("echo 'a | b' \"c ; d\" ''") == Shown{"echo", "<a | b>", "<c ; d>", "<>"});
  CHECK(shown_words("echo a'b c'd") == Shown{"echo", "a<b c>d"});
  CHECK(shown_words("echo \\'a\\ b") == Shown{"echo", "<'>a< >b"});
  CHECK(shown_words("\"a\\$b\\x\"") == Shown{"<a$b\\x>"});
  CHECK(shown_words("a\\\nb") == Shown{"ab"});
}

TEST_CASE("words have variables, commands and expressions, but not between single marks") {
  CHECK(shown_words("$NAME $?x '$NAME' \"<$NAME>\"") ==
        Shown{"$NAME", "$?x", "<$NAME>", "<<><$NAME><>>"});
  CHECK(shown_words("$ $1x ${10} ${NAME:-a} ${#x}") ==
        Shown{"$", "$1x", "$10", "$NAME:-", "$xlength"});
  CHECK(shown_words("$(a | b; c) `d \\`e\\`` $((1 + (2)))") ==
        Shown{"$(a | b; c", "$(d `e`", "$((1 + (2)"});
  CHECK(shown_words("$(echo ')' \")\")") == Shown{"$(echo ')' \")\""});
}

TEST_CASE("pipes connect the commands of one pipeline") {
  const auto item = only_item("seq 10|grep 1 | wc");
  REQUIRE(item.items.size() == 1);
  const auto& pipeline = item.items[0].pipeline;
  CHECK(pipeline.commands.size() == 3);
  CHECK(pipeline.text == "seq 10|grep 1 | wc");
  CHECK(pipeline.commands[1].text == "grep 1");
}

TEST_CASE("&& and || join pipelines, and & ends a job in the background") {
  std::string_view text = "a; b && c || ! d & e";
  const auto list = take_line(text);
  REQUIRE(list);
  REQUIRE(list->items.size() == 3);
  const auto& job = list->items[1];
  REQUIRE(job.items.size() == 3);
  CHECK(job.items[0].join == Join::always);
  CHECK(job.items[1].join == Join::on_success);
  CHECK(job.items[2].join == Join::on_failure);
  CHECK(job.items[2].pipeline.negated);
  CHECK(job.background);
  CHECK(job.text == "b && c || ! d");
  CHECK_FALSE(list->items[2].background);
}

TEST_CASE("redirections are removed from the words, wherever they stand") {
  const auto command = only_command("<in sort -r >out 2> errors 2>&1 3<&-");
  CHECK(command.words.size() == 2);
  REQUIRE(command.redirections.size() == 5);
  CHECK(command.redirections[0].fd == 0);
  CHECK(command.redirections[0].target.parts[0].text == "in");
  CHECK(command.redirections[1].fd == 1);
  CHECK((command.redirections[1].flags & abi::o_trunc) != 0);
  CHECK(command.redirections[2].fd == 2);
  CHECK(command.redirections[3].kind == Redirection::Kind::duplicate);
  CHECK(command.redirections[3].fd == 2);
  CHECK(command.redirections[4].fd == 3);
  CHECK((only_command("a >>b").redirections[0].flags & abi::o_append) != 0);
  CHECK(shown_words("echo 2 >f") == Shown{"echo", "2"});
}

TEST_CASE("a here-document is the text up to its end") {
  const auto command = only_command("cat <<E -n\none $x\n\"two\"\nE\n");
  CHECK(command.words.size() == 2);
  REQUIRE(command.redirections.size() == 1);
  const auto& parts = command.redirections[0].target.parts;
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].text == "one ");
  CHECK(parts[1].kind == Part::Kind::parameter);
  CHECK(parts[2].text == "\n\"two\"\n");
  CHECK(command.text == "cat <<E -n\none $x\n\"two\"\nE");

  std::string_view two = "a <<'E' ; b <<-F\n$x\nE\n\tb\n\tF\nnext";
  const auto list = take_line(two);
  REQUIRE(list);
  REQUIRE(list->items.size() == 2);
  const auto target = [&](std::size_t item) {
    return list->items[item].items[0].pipeline.commands[0].redirections[0].target.parts[0].text;
  };
  CHECK(target(0) == "$x\n");
  CHECK(target(1) == "b\n");
  CHECK(two == "next");
  CHECK(syntax_error("cat <<E\ntext\n") == "the line E is missing, which ends the text after << …");
}

TEST_CASE("assignments precede the words") {
  const auto command = only_command("A=1 B=\"x y\" env C=3");
  REQUIRE(command.assignments.size() == 2);
  CHECK(command.assignments[1].name == "B");
  CHECK(command.words.size() == 2);
  CHECK(only_command("1A=1").assignments.empty());
}

TEST_CASE("compound commands have bodies") {
  using enum Command::Kind;
  const auto condition_command = only_command("if a; then b; elif c; then d; else e; fi");
  CHECK(condition_command.kind == condition);
  CHECK(condition_command.bodies.size() == 5);
  CHECK(only_command("while a; do b; done >f").redirections.size() == 1);
  CHECK(only_command("until a\ndo\nb\ndone").kind == until_loop);
  const auto loop = only_command("for x in a \"b c\"; do echo $x; done");
  CHECK(loop.kind == for_loop);
  CHECK(loop.name == "x");
  CHECK(loop.words.size() == 2);
  CHECK(only_command("for x do a; done").over_parameters);
  CHECK(only_command("{ a; b; }").bodies[0].items.size() == 2);
  CHECK(only_command("( a; b )").inner_text == "a; b");
  const auto selected = only_command("case $x in a|b) c;; (*) d; e ;; esac");
  REQUIRE(selected.cases.size() == 2);
  CHECK(selected.cases[0].patterns.size() == 2);
  CHECK(selected.cases[1].body.items.size() == 2);
  CHECK(only_command("case x in a) b; esac").cases.size() == 1);
  CHECK(only_command("case x in\nesac").cases.empty());
  const auto defined = only_command("f() { a; }");
  CHECK(defined.kind == function);
  CHECK(defined.name == "f");
  CHECK(shown_words("echo if then fi") == Shown{"echo", "if", "then", "fi"});
}

TEST_CASE("an unfinished command is incomplete") {
  for (const auto* const text : {"if a",
                                 "if a; then",
                                 "if a; then b",
                                 "while a; do",
                                 "for x in a",
                                 "case x in",
                                 "case x in a) b",
                                 "{ a",
                                 "( a",
                                 "a |",
                                 "a &&",
                                 "a ||",
                                 "'a",
                                 "\"a",
                                 "`a",
                                 "$(a",
                                 "${a",
                                 "$((1",
                                 "a \\",
                                 "f()",
                                 "if a; then b; else",
                                 "case"}) {
    std::string_view rest = text;
    const auto list = take_line(rest);
    INFO(text);
    REQUIRE_FALSE(list);
    CHECK(list.error().is_incomplete);
  }
}

TEST_CASE("a syntax error is a message") {
  CHECK(syntax_error("echo 'open") == "a closing quotation mark is missing …");
  CHECK(syntax_error("a | | b") == "a command is missing");
  CHECK(syntax_error("| a") == "a command is missing");
  CHECK(syntax_error("first; ; third") == "a command is missing");
  CHECK(syntax_error("a >") == "a file name is missing after > …");
  CHECK(syntax_error("a > ; b") == "a file name is missing after >");
  CHECK(syntax_error("a )") == "unexpected )");
  CHECK(syntax_error("fi") == "unexpected fi");
  CHECK(syntax_error("if a; fi") == "then is missing");
  CHECK(syntax_error("if ; then b; fi") == "a command is missing");
  CHECK(syntax_error("{ a; } b") == "unexpected b");
  CHECK(syntax_error("for 1 in a; do b; done") == "a variable is missing after for");
  CHECK(syntax_error("${}") == "a variable's name is missing after ${");
  CHECK(syntax_error("a ;; b") == "unexpected ;");
}

TEST_CASE("deep nesting is refused") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "( ";
  CHECK(syntax_error(text) == "the commands are nested too deeply");
  text = "echo ";
  for (int i = 0; i < 1000; ++i) text += "${a:-";
  CHECK(syntax_error(text) == "the commands are nested too deeply");
  text = "echo ";
  for (int i = 0; i < 1000; ++i) text += "$(";
  CHECK(syntax_error(text) == "the commands are nested too deeply");
}

TEST_CASE("arbitrary bytes are parsed without a crash") {
  constexpr std::string_view pieces[] = {
      "a", " ",  "|",   "&",     ";",    "<",    ">",   "$",    "?",    "'",  "\"",    "\\",
      "#", "2",  "\t",  "\n",    "(",    ")",    "{",   "}",    "if ",  "fi", "then ", "do ",
      "`", "${", "$((", "case ", "esac", " in ", "<<a", "done", "for ", "!",  "()",    "-"};
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int n = 0; n < 24; ++n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += pieces[(state >> 33) % std::size(pieces)];
    }
    for (std::string_view rest = text; !rest.empty();) {
      const auto before = rest.size();
      if (!take_line(rest)) break;
      REQUIRE(rest.size() < before);
    }
  }
}
