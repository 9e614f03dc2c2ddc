#include "complete.h"

#include <catch2/catch_test_macros.hpp>

using namespace shell;

namespace {

std::vector<FolderItem> completion_folder(const std::string& folder) {
  if (folder == ".") return {{"file one"}, {"folder", true}, {"fox"}, {".secret"}, {"fo\nx"}};
  if (folder == "/") return {{"bin", true}, {"proc", true}};
  if (folder == "/bin/") return {{"cat"}, {"cp"}};
  if (folder == "folder/") return {{"inner"}};
  return {};
}

// The candidates' rests and the ending, separated by |.
std::string rests(std::string_view line) {
  const auto completion = complete(
      line,
      {[] { return std::vector<std::string>{"echo", "env", "cat", "env"}; }, completion_folder});
  std::string result;
  for (const auto& candidate : completion.candidates) result += candidate.rest + "|";
  return completion.candidates.size() == 1 ? result + completion.ending : result;
}

}  // namespace

TEST_CASE("the first word of a command completes to a command") {
  CHECK(rests("c") == "at| ");
  CHECK(rests("e") == "cho|nv|");
  CHECK(rests("echo x | ca") == "t| ");
  CHECK(rests("true && ca") == "t| ");
  CHECK(rests("if ca") == "t| ");
  CHECK(rests("NAME=x ca") == "t| ");
  CHECK(rests("echo $(ca") == "t| ");
  CHECK(rests("") == "cat|echo|env|");
}

TEST_CASE("other words complete to paths, and folders end with a slash") {
  CHECK(rests("cat fox") == "| ");
  CHECK(rests("cat fol") == "der/|");
  CHECK(rests("cat folder/") == "inner| ");
  CHECK(rests("cat /b") == "in/|");
  CHECK(rests("/bin/ca") == "t| ");
  CHECK(rests("echo > fol") == "der/|");
  CHECK(rests("cat 2>fol") == "der/|");
  CHECK(rests("cat /none/") == "");
}

TEST_CASE("special characters are quoted as the word is") {
  CHECK(rests("cat fi") == "le\\ one| ");
  CHECK(rests("cat 'fi") == "le one|' ");
  CHECK(rests("cat \"fi") == "le one|\" ");
  CHECK(rests("cat file\\ o") == "ne| ");
  CHECK(rests("cat 'file o") == "ne|' ");
}

TEST_CASE("hidden files need a dot, and after cd only folders count") {
  CHECK(rests("cat .s") == "ecret| ");
  CHECK(rests("cat ") == "file\\ one|folder/|fox|");
  CHECK(rests("cd f") == "older/|");
}

TEST_CASE("words with expansions are not completed") {
  CHECK(rests("cat $HOME/f") == "");
  CHECK(rests("cat \"$HOME/f") == "");
  CHECK(rests("cat '$HOME'/f") == "");
}
