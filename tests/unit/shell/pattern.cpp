#include "pattern.h"

#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace shell;
using Paths = std::vector<std::string>;

namespace {

std::vector<FolderItem> pattern_folder(const std::string& folder) {
  static const std::map<std::string, std::vector<FolderItem>> folders{
      {".", {{"a.c"}, {"b.c"}, {".hidden"}, {"sub", true}, {"x*y"}, {"ö"}}},
      {"sub", {{"c.c"}, {"deep", true}}},
      {"sub/", {{"c.c"}, {"deep", true}}},
      {"sub/deep/", {{"d.c"}}},
      {"/", {{"bin", true}, {"etc", true}, {"init"}}},
      {"/bin/", {{"cat"}, {"cp"}, {"ls"}}},
  };
  const auto found = folders.find(folder);
  return found == folders.end() ? std::vector<FolderItem>{} : found->second;
}

Paths paths(std::string_view pattern) {
  return matching_paths(pattern, pattern_folder);
}

}  // namespace

TEST_CASE("a pattern matches the whole text") {
  CHECK(matches("abc", "abc"));
  CHECK_FALSE(matches("abc", "abcd"));
  CHECK_FALSE(matches("abcd", "abc"));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "a"));
}

TEST_CASE("* stands for any text, and ? for one character") {
  CHECK(matches("*", ""));
  CHECK(matches("a*c*e", "abcde"));
  CHECK(matches("*.c", "a.b.c"));
  CHECK_FALSE(matches("*.c", "a.cc"));
  CHECK(matches("a?c", "aöc"));
  CHECK_FALSE(matches("a?c", "ac"));
  CHECK(matches("**a", "bca"));
}

TEST_CASE("brackets stand for a character of a set") {
  CHECK(matches("[a-c]x", "bx"));
  CHECK_FALSE(matches("[a-c]x", "dx"));
  CHECK(matches("[!a-c]", "d"));
  CHECK_FALSE(matches("[!a-c]", "b"));
  CHECK(matches("[]]", "]"));
  CHECK(matches("[a-]", "-"));
  CHECK(matches("[ä-ü]", "ö"));
  CHECK(matches("[\\]a]", "]"));
  CHECK(matches("[ab", "[ab"));
  CHECK_FALSE(matches("[ab", "a"));
}

TEST_CASE("a quoted character stands for itself") {
  CHECK(matches("\\*", "*"));
  CHECK_FALSE(matches("\\*", "a"));
  CHECK(matches(quoted_for_pattern("[a]*?\\!"), "[a]*?\\!"));
  CHECK_FALSE(has_wildcards("a\\*\\?\\[b"));
  CHECK(has_wildcards("a\\**"));
}

TEST_CASE("many asterisks take no exponential time") {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  CHECK_FALSE(matches(pattern + "b", std::string(10'000, 'a')));
}

TEST_CASE("a pattern becomes the sorted paths that match") {
  CHECK(paths("*.c") == Paths{"a.c", "b.c"});
  CHECK(paths("*") == Paths{"a.c", "b.c", "sub", "x*y", "ö"});
  CHECK(paths("/b*/c?") == Paths{"/bin/cp"});
  CHECK(paths("/*/ls") == Paths{"/bin/ls"});
  CHECK(paths("sub/*.c") == Paths{"sub/c.c"});
  CHECK(paths("*/*/d*") == Paths{"sub/deep/d.c"});
  CHECK(paths("x\\**") == Paths{"x*y"});
  CHECK(paths("?") == Paths{"ö"});
  CHECK(paths("s*/") == Paths{"sub/"});
  CHECK(paths("none*").empty());
}

TEST_CASE("hidden files need a dot in the pattern") {
  CHECK(paths(".*") == Paths{".hidden"});
  CHECK(paths("*hidden").empty());
  CHECK(paths("[.]hidden").empty());
}
