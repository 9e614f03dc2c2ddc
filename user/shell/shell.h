// The shell's state, and how its parts fit: main.cpp reads lines, keyboard.cpp those that somebody
// types, parse.cpp takes them apart, run.cpp starts what they name, builtins.cpp does what needs no
// program, jobs.cpp knows what is still running.
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

  std::string variable(std::string_view name) const;  // empty: not set
  void set_variable(std::string_view name, std::string_view value);
  const std::vector<std::string>& variables() const { return variables_; }

 private:
  int run(const Job& job);
  int run_programs(const Job& job);

  int status_ = 0;
  std::optional<int> exit_code_;
  std::vector<std::string> variables_;  // NAME=value, given to every program
  Jobs jobs_;
};

// The builtin's exit code; nothing if the name is no builtin's.
std::optional<int> run_builtin(Shell& shell, std::span<const std::string> words);
bool is_builtin(std::string_view name);

// The file that a command's first word means: itself when it has a slash, else the first on PATH.
// Empty: there is none.
std::string find_program(const Shell& shell, const std::string& word);

}  // namespace shell
