// sh: reads lines and runs them. `sh` alone reads standard input, `sh FILE` a file, `sh -c TEXT`
// its argument. At a terminal it edits lines and controls jobs.
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>

#include "complete.h"
#include "keyboard.h"
#include "shell.h"

namespace shell {
namespace {

std::string prompt() {
  char path[1024] = "?";
  user::syscall(user::Call::getcwd, path, sizeof path);
  return user::format("cotrap:{}$ ", static_cast<const char*>(path));
}

// The names of builtins and of the programs in PATH.
std::vector<std::string> command_names(Shell& shell) {
  auto names = builtin_names();
  const auto path = shell.value("PATH").value_or("");
  for (std::string_view rest = path; !rest.empty();) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    for (auto& item : shell.list_folder(std::string{folder})) {
      if (!item.is_folder) names.push_back(std::move(item.name));
    }
  }
  return names;
}

// Reads lines at the terminal until `exit`, or ^D.
int talk(Shell& shell) {
  shell.become_interactive();
  user::println("Cotrap's shell: `help` lists the commands, `exit` powers off.");
  const CompletionSources sources{
      [&shell] { return command_names(shell); },
      [&shell](const std::string& folder) { return shell.list_folder(folder); },
  };
  const Completer completer = [&sources](std::string_view line) { return complete(line, sources); };
  std::string text;  // lines whose command is not complete
  while (!shell.is_leaving()) {
    shell.jobs().reap();
    shell.jobs().report();
    static_cast<void>(shell.take_interrupt());
    auto typed = read_typed_line(text.empty() ? prompt() : "> ", shell.history(), completer);
    if (typed.how == Typed::How::end && text.empty()) {
      const std::string leave = "exit";
      static_cast<void>(run_builtin(shell, {&leave, 1}));
      continue;
    }
    if (typed.how != Typed::How::line) {
      if (typed.how == Typed::How::end) user::complain("sh: the command is not complete");
      text.clear();
      shell.set_status(typed.how == Typed::How::end ? 2 : 130);
      continue;
    }
    shell.history().add(typed.text);
    text += typed.text + "\n";
    if (shell.run_if_complete(text)) text.clear();
    if (!shell.is_leaving()) shell.set_flow(Flow::none);
  }
  return shell.status();
}

// Runs lines from standard input. It reads no byte after a line's end, because the programs that
// the line starts may read the rest.
int run_input(Shell& shell) {
  user::LineReader lines{user::standard_input, true};
  std::string text;
  while (shell.flow() == Flow::none) {
    const auto line = lines.next();
    if (!line) {
      if (!text.empty()) shell.run_script(text);  // reports what is missing
      break;
    }
    text += *line + "\n";
    if (shell.run_if_complete(text)) text.clear();
  }
  return shell.status();
}

int run_file(Shell& shell, const char* path) {
  const auto script = user::read_file(path);
  if (script) return shell.run_script(*script);
  user::complain("sh: {}: {}", path, abi::description(script.error()));
  return 127;
}

}  // namespace
}  // namespace shell

int main(int argc, char** argv) {
  shell::Shell shell;
  const std::string_view first = argc > 1 ? argv[1] : "";
  const std::span words{argv, static_cast<std::size_t>(argc)};
  if (first == "-c" && argc > 2) {
    shell.set_parameters(argc > 3 ? argv[3] : "sh", {argv + std::min(argc, 4), argv + argc});
    return shell.run_script(argv[2]);
  }
  if (first == "--subshell") return shell.run_subshell(words.subspan(2));
  if (first.starts_with('-')) {
    const bool asked = first == "--help";
    user::print_to(asked ? 1 : 2, "usage: sh [-c TEXT [NAME WORDS…] | FILE WORDS…]", {}, "\n");
    return asked ? 0 : 2;
  }
  if (argc > 1) {
    shell.set_parameters(argv[1], {argv + 2, argv + argc});
    return shell::run_file(shell, argv[1]);
  }
  // The line editor reads from the one and draws on the other.
  const bool is_terminal =
      user::is_terminal(user::standard_input) && user::is_terminal(user::standard_output);
  return is_terminal ? shell::talk(shell) : shell::run_input(shell);
}
