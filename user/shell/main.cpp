// sh: reads lines and runs them. `sh` alone reads standard input, `sh FILE` a file, `sh -c TEXT`
// its argument. The kernel's console does line editing, echo and Ctrl-D. Ctrl-C ends every program
// that does not ignore it; the shell ignores it, and only discards the line being typed
// (keyboard.h).
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>

#include "keyboard.h"
#include "shell.h"

namespace shell {

Shell::Shell() {
  for (auto* const* entry = user::environment(); *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const auto name = variable.substr(0, variable.find('='));
    if (name.size() < variable.size()) set_variable(name, variable.substr(name.size() + 1));
  }
  if (variable("PATH").empty()) set_variable("PATH", "/bin");
}

std::string Shell::variable(std::string_view name) const {
  if (name == "?") return user::format("{}", status_);
  for (const std::string_view entry : variables_) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string{entry.substr(name.size() + 1)};
    }
  }
  return {};
}

void Shell::set_variable(std::string_view name, std::string_view value) {
  const auto prefix = std::string{name} + "=";
  std::erase_if(variables_, [&](const std::string& entry) { return entry.starts_with(prefix); });
  variables_.push_back(prefix + std::string{value});
}

namespace {

std::string prompt() {
  char path[1024] = "?";
  user::syscall(user::Call::getcwd, path, sizeof path);
  return user::format("cotrap:{}$ ", static_cast<const char*>(path));
}

void talk(Shell& shell) {
  using enum abi::Signal;
  for (const auto signal : {sigint, sigquit, sigterm}) {
    static_cast<void>(user::ignore_signal(signal, true));
  }
  user::println("Cotrap's shell: `help` lists the commands, `exit` powers off.");
  while (!shell.exit_code()) {
    shell.jobs().reap();
    const auto typed = read_typed_line(prompt());
    if (typed.how != Typed::How::line) user::println("");
    if (typed.how == Typed::How::end) break;
    if (typed.how == Typed::How::line) shell.run_line(typed.text);
  }
}

// Runs the lines of `text`.
int run(Shell& shell, std::string_view text) {
  while (!text.empty() && !shell.exit_code()) {
    const auto end = std::min(text.find('\n'), text.size());
    shell.run_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shell.exit_code().value_or(shell.status());
}

int read_and_run(Shell& shell, user::Fd input) {
  if (input == user::standard_input && user::is_terminal(input)) {
    talk(shell);
  } else {
    user::LineReader lines{input, true};
    while (!shell.exit_code()) {
      shell.jobs().reap();
      const auto line = lines.next();
      if (!line) break;
      shell.run_line(*line);
    }
  }
  return shell.exit_code().value_or(shell.status());
}

}  // namespace
}  // namespace shell

int main(int argc, char** argv) {
  shell::Shell shell;
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "-c" && argc > 2) return shell::run(shell, argv[2]);
  if (first == "--builtin" && argc > 2) {
    const std::vector<std::string> words{argv + 2, argv + argc};
    return shell::run_builtin(shell, words).value_or(127);
  }
  if (first.starts_with('-')) {
    const bool asked = first == "--help";
    user::print_to(asked ? 1 : 2, "usage: sh [-c TEXT | FILE]", {}, "\n");
    return asked ? 0 : 2;
  }
  if (argc == 1) return shell::read_and_run(shell, user::standard_input);
  const auto script = user::open_input("sh", argv[1]);
  return script ? shell::read_and_run(shell, *script) : 127;
}
