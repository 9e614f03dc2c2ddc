// The shell: its state, and the interpreter of commands.
//
//   main.cpp      reads scripts, typed lines (keyboard.cpp, editor.cpp, complete.cpp)
//   parse.cpp     text → commands (tree.h)
//   interpret.cpp runs commands in this process: lists, loops, functions, builtins (builtins.cpp)
//   expand.cpp    expands words (pattern.cpp, arithmetic.cpp)
//   run.cpp       starts programs and subshells, and waits for them (jobs.cpp)
//
// The shell never forks, because there are machines without an MMU. A subshell is another process
// of the shell, which gets the state by its arguments (Shell::subshell_arguments).
//
// It has no signal handlers either. An interactive shell blocks SIGINT and SIGCHLD, and takes them
// when it wants to know.
#pragma once

#include <user/process.h>

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "descriptors.h"
#include "editor.h"
#include "expand.h"
#include "jobs.h"
#include "tree.h"

namespace shell {

// Why the shell does not go on with the next command.
enum class Flow {
  none,
  end_loop,        // break
  next_iteration,  // continue
  end_function,    // return
  give_up,         // an error in a word, or ^C: not even the next command of the line
  leave,           // exit
};

class Shell final : public Surroundings {
 public:
  // Gets the environment's variables.
  Shell();

  // Runs a script line by line, and returns its status. After a syntax error it runs no further
  // line: status 2.
  int run_script(std::string_view script);
  // Runs a line that may consist of several. False: it has run nothing, because more lines must
  // follow.
  bool run_if_complete(std::string_view line);
  int run(const List& list);
  int status() const { return status_; }
  void set_status(int status) { status_ = status; }
  Flow flow() const { return flow_; }
  // `levels`: of loops, for end_loop and next_iteration.
  void set_flow(Flow flow, int levels = 1) {
    flow_ = flow;
    flow_levels_ = levels;
  }
  int loops() const { return loops_; }
  int functions_running() const { return functions_running_; }
  // Whether `exit` has warned of stopped jobs since the last job started.
  bool has_warned() const { return has_warned_; }
  void warn() { has_warned_ = true; }
  bool is_leaving() const { return flow_ == Flow::leave; }

  // Makes the shell one of job control, if its terminal allows that: each job gets a process group.
  void become_interactive();
  bool is_interactive() const { return is_interactive_; }
  // Whether ^C was pressed since the last call, while no program was in the foreground.
  bool take_interrupt();

  // Variables

  std::optional<std::string> value(std::string_view name) const override;
  const std::vector<std::string>& parameters() const override { return parameters_; }
  void set_variable(std::string_view name, std::string_view value) override;
  void export_variable(std::string_view name);
  void unset_variable(std::string_view name);
  // NAME=value, of variables that programs get or of all.
  std::vector<std::string> variables(bool only_exported) const;
  // $0, and $1 …
  void set_parameters(std::string name, std::vector<std::string> parameters);
  std::vector<FolderItem> list_folder(const std::string& folder) override;
  std::expected<std::string, std::string> output_of(const std::string& commands) override;
  void unset_function(std::string_view name);

  // Jobs

  Jobs& jobs() { return jobs_; }
  History& history() { return history_; }
  // Continues a job in the foreground and waits for it; returns its status.
  int continue_in_foreground(Job& job);
  // Waits until the job has ended, or has stopped. Empty: ^C has ended the wait.
  std::optional<abi::WaitStatus> wait_for_background(Job& job);

  // Programs

  // The program's path for a command's first word: the word itself if it contains a slash, else the
  // first match in PATH. Empty: not found.
  std::string find_program(const std::string& word) const;
  // Becomes the program. Returns the exit code of the failure.
  int execute(std::span<const std::string> words);
  // Runs the rest of a subshell's command line, the words after --subshell.
  int run_subshell(std::span<char* const> arguments);

 private:
  struct Variable {
    std::string name;
    std::string value;
    bool is_exported = false;
  };
  // A command of a pipeline, ready to start.
  struct Launch {
    std::string path;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
  };
  // How the processes of a job start.
  struct JobStart {
    bool is_background;
    bool has_group;
    user::Pid group = 0;  // 0: the first process begins it
  };

  // interpret.cpp
  int run(const AndOr& item);
  int run(const Pipeline& pipeline);
  bool is_too_deep();
  int run(const Command& command);
  int run_command(const Command& command);
  int run_simple(const Command& command);
  int run_words(const Command& command, const std::vector<std::string>& words,
                const std::vector<std::string>& assignments);
  int run_in_this_process(const Command& command, std::span<const std::string> words,
                          std::span<const std::string> assignments);
  int run_condition(const Command& command);
  int run_loop(const Command& command);
  int run_for(const Command& command);
  int run_selection(const Command& command);
  int call_function(Command function, std::span<const std::string> words);
  bool ends_loop();
  std::optional<std::vector<std::string>> expand(const std::vector<Word>& words);
  std::optional<std::vector<std::string>> expand(const std::vector<Assignment>& assignments);
  int fail(std::string_view message);
  const Variable* find_variable(std::string_view name) const;
  Variable& variable(std::string_view name);
  const Command* find_function(std::string_view name) const;

  // run.cpp
  int run_programs(std::span<const Command> commands, const std::string& text, bool is_background);
  std::expected<user::Pid, int> start_command(const Command& command, JobStart& how,
                                              std::vector<user::FdMapping> fds);
  int run_program(const Launch& launch, std::span<const user::FdMapping> fds,
                  const std::string& text);
  int run_in_background(const AndOr& item);
  std::expected<Launch, int> prepare(const Command& command);
  std::expected<Launch, int> prepare(const std::vector<std::string>& words,
                                     const std::vector<std::string>& assignments);
  Launch prepare_subshell(const std::string& commands) const;
  std::vector<std::string> subshell_arguments(const std::string& commands) const;
  // Appends to `fds`.
  std::expected<void, int> open(const std::vector<Redirection>& redirections, OpenFiles& opened,
                                std::vector<user::FdMapping>& fds);
  std::expected<user::Fd, int> open_here_document(std::string_view text);
  std::expected<user::Pid, int> start(const Launch& launch, JobStart& how,
                                      std::span<const user::FdMapping> fds);
  int finish_start(const JobStart& how, std::vector<user::Pid> processes, int failure,
                   const std::string& text);
  int wait_for_foreground(Job& job);
  void put_into_foreground(Job& job);
  void take_terminal_back(Job& job);

  int status_ = 0;
  Flow flow_ = Flow::none;
  int flow_levels_ = 0;
  int loops_ = 0;  // around the present command
  int functions_running_ = 0;
  std::size_t level_ = 0;        // the depth of nested commands: is_too_deep()
  std::size_t level_limit_ = 0;  // 0: not known yet
  int substitution_status_ = 0;  // of the last $(…) of the present command
  std::vector<Variable> variables_;
  std::vector<Command> functions_;
  std::string name_ = "sh";
  std::vector<std::string> parameters_;
  user::Pid process_;              // $$, also in subshells
  user::Pid last_background_ = 0;  // $!
  Jobs jobs_;
  History history_;
  bool is_interactive_ = false;
  bool controls_jobs_ = false;
  bool has_warned_ = false;
  user::Pid own_group_ = 0;
  std::optional<abi::Termios> settings_;  // of the terminal, while the shell has it
};

// Runs a builtin and returns its exit code; empty if the first word names no builtin.
std::optional<int> run_builtin(Shell& shell, std::span<const std::string> words);
bool is_builtin(std::string_view name);
std::vector<std::string> builtin_names();
// The builtin `test`, also called `[`.
int run_test(Shell& shell, std::span<const std::string> words);

// The text that the shell reads as one word with this value.
std::string in_quotation_marks(std::string_view text);

}  // namespace shell
