#include "parse.h"

#include <abi/flags.h>

#include <catch2/catch_test_macros.hpp>

using namespace shell;
using Words = std::vector<std::string>;

namespace {

std::string expand(std::string_view name) {
  if (name == "?") return "7";
  if (name == "NAME") return "two words";
  return {};
}

struct Parsed {
  std::vector<Job> jobs;
  std::string error;  // the error after the last valid job
};

Parsed parse(std::string_view line) {
  Parsed parsed;
  Join next = Join::always;
  while (!line.empty()) {
    auto job = take_job(line, next, expand);
    if (!job) {
      parsed.error = job.error();
      return parsed;
    }
    if (job->commands.empty()) break;
    parsed.jobs.push_back(std::move(*job));
  }
  return parsed;
}

Words words_of(std::string_view line) {
  const auto parsed = parse(line);
  REQUIRE(parsed.error.empty());
  REQUIRE(parsed.jobs.size() == 1);
  REQUIRE(parsed.jobs[0].commands.size() == 1);
  return parsed.jobs[0].commands[0].words;
}

}  // namespace

TEST_CASE("blanks separate words") {
  CHECK(words_of("  ls   -l\t/bin ") == Words{"ls", "-l", "/bin"});
}

TEST_CASE("an empty line and a comment are no commands") {
  CHECK(parse("").jobs.empty());
  CHECK(parse("   ").jobs.empty());
  CHECK(parse("# ls").jobs.empty());
  CHECK(words_of("ls # -l") == Words{"ls"});
  CHECK(words_of("ls a#b") == Words{"ls", "a#b"});
}

TEST_CASE("quotation marks keep blanks and operators, and may be empty") {
  CHECK(words_of("echo 'a | b' \"c ; d\" ''") == Words{"echo", "a | b", "c ; d", ""});
  CHECK(words_of("echo a'b c'd") == Words{"echo", "ab cd"});
  CHECK(words_of("echo \\'a\\ b") == Words{"echo", "'a b"});
}

TEST_CASE("variables are expanded into one word, but not between single quotation marks") {
  CHECK(words_of("echo $NAME $?x '$NAME' \"<$NAME>\"") ==
        Words{"echo", "two words", "7x", "$NAME", "<two words>"});
  CHECK(words_of("echo $ $1nothing") == Words{"echo", "$", ""});
}

TEST_CASE("pipes connect the commands of one job") {
  const auto parsed = parse("seq 10|grep 1 | wc");
  REQUIRE(parsed.jobs.size() == 1);
  const auto& job = parsed.jobs[0];
  REQUIRE(job.commands.size() == 3);
  CHECK(job.commands[0].words == Words{"seq", "10"});
  CHECK(job.commands[1].words == Words{"grep", "1"});
  CHECK(job.commands[2].words == Words{"wc"});
  CHECK(job.text == "seq 10|grep 1 | wc");
}

TEST_CASE("&& and || join jobs by the status of the one before") {
  const auto parsed = parse("a; b && c || d & e");
  REQUIRE(parsed.jobs.size() == 5);
  CHECK(parsed.jobs[0].join == Join::always);
  CHECK(parsed.jobs[1].join == Join::always);
  CHECK(parsed.jobs[2].join == Join::on_success);
  CHECK(parsed.jobs[3].join == Join::on_failure);
  CHECK(parsed.jobs[3].background);
  CHECK(parsed.jobs[4].join == Join::always);
  CHECK_FALSE(parsed.jobs[4].background);
}

TEST_CASE("redirections are removed from the words, wherever they stand") {
  const auto parsed = parse("<in sort -r >out 2> errors");
  REQUIRE(parsed.jobs.size() == 1);
  const auto& command = parsed.jobs[0].commands[0];
  CHECK(command.words == Words{"sort", "-r"});
  REQUIRE(command.redirections.size() == 3);
  CHECK(command.redirections[0].fd == 0);
  CHECK(command.redirections[0].path == "in");
  CHECK(command.redirections[1].fd == 1);
  CHECK((command.redirections[1].flags & abi::o_trunc) != 0);
  CHECK(command.redirections[2].fd == 2);
  CHECK(command.redirections[2].path == "errors");
  CHECK((parse("a >>b").jobs[0].commands[0].redirections[0].flags & abi::o_append) != 0);
}

TEST_CASE("a syntax error is reported, and the jobs before it remain") {
  CHECK(parse("echo 'open").error == "a closing quotation mark is missing");
  CHECK(parse("a | | b").error == "a command is missing");
  CHECK(parse("a |").error == "a command is missing");
  CHECK(parse("| a").error == "a command is missing");
  CHECK(parse("a >").error == "a file name is missing after >");
  const auto parsed = parse("first; ; third");
  CHECK(parsed.jobs.size() == 1);
  CHECK(parsed.error == "a command is missing");
}

TEST_CASE("arbitrary bytes are parsed without a crash") {
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string line;
    for (int n = 0; n < 24; ++n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      constexpr std::string_view alphabet = "ab |&;<>$?'\"\\#2 \t";
      line += alphabet[(state >> 33) % alphabet.size()];
    }
    static_cast<void>(parse(line));
  }
}
