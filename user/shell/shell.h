// The shell's state. main.cpp reads lines, keyboard.cpp reads typed lines, and parse.cpp parses
// them. run.cpp starts programs, builtins.cpp has the commands that need no program, and jobs.cpp
// tracks background jobs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs.h"
#include "parse.h"

namespace shell {

class Shell {
 public:
  Shell();

  // Runs every job of the line and returns the status of the last ($?).
  int run_line(std::string_view line);

  int status() const { return status_; }
  std::optional<int> exit_code() const { return exit_code_; }
  void leave(int code) { exit_code_ = code; }
  Jobs& jobs() { return jobs_; }

  std::string variable(std::string_view name) const;  // empty if not set
  void set_variable(std::string_view name, std::string_view value);
  const std::vector<std::string>& variables() const { return variables_; }

 private:
  int run(const Job& job);
  int run_programs(const Job& job);

  int status_ = 0;
  std::optional<int> exit_code_;
  std::vector<std::string> variables_;  // NAME=value; the environment of every program
  Jobs jobs_;
};

// Runs a builtin and returns its exit code; nothing if the first word names no builtin.
std::optional<int> run_builtin(Shell& shell, std::span<const std::string> words);
bool is_builtin(std::string_view name);

// Returns the program's path for a command's first word: the word itself if it contains a slash,
// else the first match in PATH. Empty if not found.
std::string find_program(const Shell& shell, const std::string& word);

}  // namespace shell
