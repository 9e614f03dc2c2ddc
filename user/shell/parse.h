// Parses a line into jobs.
//
//   line      = [ job { (";" | "&" | "&&" | "||") job } ]
//   job       = command { "|" command }
//   command   = { word | redirection }      redirection = ("<" | ">" | ">>" | "2>") word
//
// Words may be quoted ('as it is', "with $NAME", \x). $NAME and $? are expanded when their job is
// parsed, because an earlier job may change them. `#` begins a comment.
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
  Join join = Join::always;  // runs depending on the previous job's status
  bool background = false;
  std::vector<Command> commands;  // connected by pipes
  std::string text;               // as typed, for notices
};

// Returns a variable's value.
using Expand = std::function<std::string(std::string_view)>;

// Removes the first job from `line` and parses it. A job without commands means that the line is
// empty. `next` is the operator before the job; it becomes the operator after it. The error is a
// message for users.
std::expected<Job, std::string> take_job(std::string_view& line, Join& next, const Expand& expand);

}  // namespace shell
