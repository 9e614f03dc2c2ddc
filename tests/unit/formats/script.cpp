// The first line of scripts, as Linux 6.12 reads it.
#include "formats/script.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

using kernel::Errno;
using kernel::formats::FileStart;
using kernel::formats::read_script_line;

namespace {

FileStart start_of(std::string_view text) {
  FileStart start{};
  std::ranges::copy(text.substr(0, start.size()), start.begin());
  return start;
}

void check_script(std::string_view text, std::string_view interpreter,
                  std::optional<std::string_view> argument = {}) {
  INFO(text);
  const FileStart start = start_of(text);
  const auto line = read_script_line(start);
  REQUIRE(line);
  CHECK(line->interpreter == interpreter);
  CHECK(line->argument == argument);
}

void check_no_script(std::string_view text) {
  INFO(text);
  const FileStart start = start_of(text);
  const auto line = read_script_line(start);
  REQUIRE_FALSE(line);
  CHECK(line.error() == Errno::enoexec);
}

}  // namespace

TEST_CASE("a script's first line has an interpreter and at most one argument") {
  check_script("#!/bin/sh\n", "/bin/sh");
  check_script("#!/bin/sh -e\n", "/bin/sh", "-e");
  check_script("#! \t/bin/sh \t -e -x \t\nmore", "/bin/sh", "-e -x");
  check_script("#!/bin/sh", "/bin/sh");
  check_script("#!/bin/sh\r\n", "/bin/sh\r");
  check_script("#!/bin/sh \n", "/bin/sh");
}

TEST_CASE("a script without an interpreter is refused") {
  check_no_script("#!\n");
  check_no_script("#! \t \n/bin/sh\n");
  check_no_script("#!" + std::string(300, ' '));
}

TEST_CASE("a zero ends the interpreter and the argument") {
  check_script({"#!/bin/sh\0 -e\n", 14}, "/bin/sh");
  check_script({"#!/bin/sh -\0e\n", 14}, "/bin/sh", "-");
  check_script("#!", "");
}

TEST_CASE("an interpreter that may be longer than the start is refused, an argument is cut off") {
  const std::string name(253, 'x');
  check_script("#!" + name + ' ', name);
  check_script("#!" + name + '\n', name);
  check_no_script("#!" + name + "x ");
  check_no_script("#!" + name + "x\n");
  check_no_script("#!" + name + name);
  check_script("#!x " + std::string(300, 'y'), "x", std::string(251, 'y'));
}
