#include "expand.h"

#include <catch2/catch_test_macros.hpp>

#include <map>

#include "parse.h"

using namespace shell;
using Texts = std::vector<std::string>;

namespace {

class FakeSurroundings final : public Surroundings {
 public:
  std::map<std::string, std::string, std::less<>> variables{
      {"NAME", "two words"}, {"EMPTY", ""}, {"FILE", "/a/b.tar.gz"}, {"STAR", "*"}, {"?", "7"},
  };
  Texts given{"one", "two three"};

  std::optional<std::string> value(std::string_view name) const override {
    if (name == "1") return given.empty() ? std::nullopt : std::optional{given[0]};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
  }
  const Texts& parameters() const override { return given; }
  void set_variable(std::string_view name, std::string_view value) override {
    variables.insert_or_assign(std::string{name}, std::string{value});
  }
  std::expected<std::string, std::string> output_of(const std::string& commands) override {
    if (commands == "fails") return std::unexpected{std::string{"it fails"}};
    return "<" + commands + "> x\n\n";
  }
  std::vector<FolderItem> list_folder(const std::string& folder) override {
    if (folder != ".") return {};
    return {{"a.c"}, {"b.c"}};
  }
};

std::vector<Word> words_of_line(std::string_view line) {
  auto list = take_line(line);
  REQUIRE(list);
  return list->items.at(0).items.at(0).pipeline.commands.at(0).words;
}

Texts expanded(std::string_view line, FakeSurroundings surroundings = {}) {
  const auto result = expand_words(words_of_line(line), surroundings);
  REQUIRE(result);
  return *result;
}

std::string expansion_error(std::string_view line) {
  FakeSurroundings surroundings;
  const auto result = expand_words(words_of_line(line), surroundings);
  return result ? "" : result.error();
}

}  // namespace

TEST_CASE("unquoted values are split at blanks, quoted ones are not") {
  CHECK(expanded("$NAME") == Texts{"two", "words"});
  CHECK(expanded("\"$NAME\"") == Texts{"two words"});
  CHECK(expanded("a$NAME'b'") == Texts{"atwo", "wordsb"});
  CHECK(expanded("'$NAME' \\$NAME") == Texts{"$NAME", "$NAME"});
  CHECK(expanded("x $EMPTY $NONE y") == Texts{"x", "y"});
  CHECK(expanded("\"$EMPTY\" ''") == Texts{"", ""});
  CHECK(expanded("$? a$?b ${?}") == Texts{"7", "a7b", "7"});
}

TEST_CASE("IFS separates fields") {
  FakeSurroundings surroundings;
  surroundings.variables["IFS"] = ":";
  surroundings.variables["PATHS"] = "/bin::/x y:";
  CHECK(expanded("$PATHS", surroundings) == Texts{"/bin", "", "/x y"});
  surroundings.variables["IFS"] = ": ";
  surroundings.variables["PATHS"] = " a : b  c";
  CHECK(expanded("$PATHS", surroundings) == Texts{"a", "b", "c"});
  surroundings.variables["IFS"] = "";
  CHECK(expanded("$NAME", surroundings) == Texts{"two words"});
}

TEST_CASE("$@ and $* are all parameters") {
  CHECK(expanded("$@") == Texts{"one", "two", "three"});
  CHECK(expanded("\"$@\"") == Texts{"one", "two three"});
  CHECK(expanded("a\"$@\"b") == Texts{"aone", "two threeb"});
  CHECK(expanded("\"$*\"") == Texts{"one two three"});
  FakeSurroundings none;
  none.given.clear();
  CHECK(expanded("x \"$@\" $*", none) == Texts{"x"});
}

TEST_CASE("values have alternatives") {
  CHECK(expanded("${NONE:-a b} ${NONE:-'a b'} ${NAME-x}") ==
        Texts{"a", "b", "a b", "two", "words"});
  CHECK(expanded("\"${EMPTY:-x}\" \"${EMPTY-x}\"") == Texts{"x", ""});
  CHECK(expanded("${NAME:+set} ${NONE+set}") == Texts{"set"});
  CHECK(expanded("${NONE:=new} $NONE") == Texts{"new", "new"});
  CHECK(expanded("\"${NONE-}\"") == Texts{""});
  CHECK(expanded("${NONE:-${EMPTY:-$NAME}}") == Texts{"two", "words"});
  CHECK(expansion_error("${NONE:?is needed}") == "NONE: is needed");
  CHECK(expansion_error("${NONE?}") == "NONE: not set");
  CHECK(expansion_error("${9:=x}") == "9: cannot be set");
}

TEST_CASE("values lose a prefix or a suffix that matches") {
  CHECK(expanded("${FILE##*/} ${FILE#*/}") == Texts{"b.tar.gz", "a/b.tar.gz"});
  CHECK(expanded("${FILE%.*} ${FILE%%.*}") == Texts{"/a/b.tar", "/a/b"});
  CHECK(expanded("${FILE%.zip} ${FILE#'/a/'}") == Texts{"/a/b.tar.gz", "b.tar.gz"});
  CHECK(expanded("${#FILE} ${#NONE}") == Texts{"11", "0"});
}

TEST_CASE("commands and expressions are replaced by their results") {
  CHECK(expanded("$(ls -l)") == Texts{"<ls", "-l>", "x"});
  CHECK(expanded("\"$(ls)\" `ls`") == Texts{"<ls> x", "<ls>", "x"});
  CHECK(expanded("$(echo $(echo ')'))") == Texts{"<echo", "$(echo", "')')>", "x"});
  CHECK(expanded("$((1 + 2 * (3 - 1)))") == Texts{"5"});
  CHECK(expansion_error("$(fails)") == "it fails");
  CHECK(expansion_error("$((1 / 0))") == "arithmetic: division by zero");
}

TEST_CASE("an unquoted pattern becomes paths, or stays as it is") {
  CHECK(expanded("*.c") == Texts{"a.c", "b.c"});
  CHECK(expanded("'*'.c \\*.c \"*.c\"") == Texts{"*.c", "*.c", "*.c"});
  CHECK(expanded("*.h [") == Texts{"*.h", "["});
  CHECK(expanded("$STAR \"$STAR\"") == Texts{"a.c", "b.c", "*"});
}

TEST_CASE("one word is neither split nor a pattern") {
  FakeSurroundings surroundings;
  CHECK(expand_word(words_of_line("$NAME*")[0], surroundings) == "two words*");
  CHECK(expand_pattern(words_of_line("$STAR'*'")[0], surroundings) == "*\\*");
}

TEST_CASE("read splits a line, and the last variable gets the rest") {
  CHECK(split_fields("  a  b c ", " \t\n", 2) == Texts{"a", "b c"});
  CHECK(split_fields("a", " ", 2) == Texts{"a"});
  CHECK(split_fields("a:b::c", ":", 3) == Texts{"a", "b", ":c"});
  CHECK(split_fields(" a : b", ": ", 9) == Texts{"a", "b"});
  CHECK(split_fields(" as it is ", "", 1) == Texts{" as it is "});
  CHECK(split_fields("", " ", 1).empty());
}
