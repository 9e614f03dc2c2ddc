// From a line of text to what it asks for.
//
//   line      = [ job { (";" | "&" | "&&" | "||") job } ]
//   job       = command { "|" command }
//   command   = { word | redirection }      redirection = ("<" | ">" | ">>" | "2>") word
//
// Words may be quoted ('as it is', "with $NAME", \x); $NAME and $? are expanded while parsing, job
// by job, since an earlier job may change them. `#` begins a comment.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shell {

struct Redirection {
  int fd;
  int flags;  // for open
  std::string path;
};

struct Command {
  std::vector<std::string> words;
  std::vector<Redirection> redirections;
};

enum class Join { always, on_success, on_failure };

struct Job {
  Join join = Join::always;  // whether it runs after the one before
  bool background = false;
  std::vector<Command> commands;  // connected by pipes
  std::string text;               // as typed, for notices
};

// What a variable's name stands for.
using Expand = std::function<std::string(std::string_view)>;

// Takes the first job off `line`. A job without commands: the line is empty. The error is for
// people.
std::expected<Job, std::string> take_job(std::string_view& line, Join& next, const Expand& expand);

}  // namespace shell
