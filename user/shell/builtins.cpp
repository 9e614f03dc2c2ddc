// The shell's builtin commands.
#include <user/calls.h>
#include <user/files.h>
#include <user/print.h>

#include <array>
#include <charconv>

#include "shell.h"

namespace shell {
namespace {

using Words = std::span<const std::string>;

int change_directory(Shell&, Words words) {
  const char* where = words.size() > 1 ? words[1].c_str() : "/";
  const auto changed = user::change_directory(where);
  if (!changed) user::complain("cd: {}: {}", where, abi::description(changed.error()));
  return changed ? 0 : 1;
}

int print_directory(Shell&, Words) {
  char path[1024];
  const auto length = user::call<long>(user::Call::getcwd, path, sizeof path);
  if (!length) user::complain("pwd: {}", abi::description(length.error()));
  if (length) user::println("{}", static_cast<const char*>(path));
  return length ? 0 : 1;
}

int echo(Shell&, Words words) {
  std::string line;
  for (const auto& word : words.subspan(1)) line += (line.empty() ? "" : " ") + word;
  user::println("{}", line);
  return 0;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

int leave(Shell& shell, Words words) {
  int code = shell.status();
  if (words.size() > 1) {
    const auto given = number(words[1]);
    if (!given) {
      user::complain("exit: {} is not a number", words[1]);
      return 2;
    }
    code = *given;
  }
  shell.leave(code & 0xff);
  return code;
}

int set_variables(Shell& shell, Words words) {
  for (const std::string_view word : words.subspan(1)) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      user::complain("export: expected NAME=VALUE, not {}", word);
      return 1;
    }
    shell.set_variable(word.substr(0, equals), word.substr(equals + 1));
  }
  if (words.size() == 1) {
    for (const auto& variable : shell.variables()) user::println("{}", variable);
  }
  return 0;
}

int list_jobs(Shell& shell, Words) {
  shell.jobs().list();
  return 0;
}

int wait_for_jobs(Shell& shell, Words) {
  shell.jobs().wait_for_all();
  return 0;
}

std::optional<abi::Signal> signal_called(std::string_view name) {
  if (const auto value = number(name)) return static_cast<abi::Signal>(*value);
  if (name.starts_with("SIG")) name.remove_prefix(3);
  const auto* text = std::ranges::find(abi::signal_texts, name, &abi::SignalText::name);
  if (text == abi::signal_texts.end()) return {};
  return text->number;
}

/// kill is a builtin: if processes have used all memory, no program could start to end them.
int send_signals(Shell&, Words words) {
  auto signal = abi::Signal::sigterm;
  auto processes = words.subspan(1);
  if (!processes.empty() && processes[0].starts_with('-') && !processes[0].starts_with("--")) {
    const auto name = std::string_view{processes[0]}.substr(1);
    const auto wanted = signal_called(name);
    if (!wanted) {
      user::complain("kill: unknown signal {}", name);
      return 2;
    }
    signal = *wanted;
    processes = processes.subspan(1);
  }
  constexpr std::string_view usage = "usage: kill [-SIGNAL] PID…";
  if (words.size() == 2 && words[1] == "--help") {
    user::println("{}", usage);
    return 0;
  }
  if (processes.empty() || processes[0].starts_with("--")) {
    user::complain("{}", usage);
    return 2;
  }
  int status = 0;
  for (const std::string_view word : processes) {
    const auto pid = number(word);
    if (!pid) {
      user::complain("kill: {} is not a process id", word);
      return 2;
    }
    if (const auto sent = user::kill(*pid, signal); !sent) {
      user::complain("kill: {}: {}", *pid, abi::description(sent.error()));
      status = 1;
    }
  }
  return status;
}

int help(Shell& shell, Words words);

struct Builtin {
  std::string_view name;
  std::string_view usage;
  int (*run)(Shell&, Words);
};

constexpr auto builtins = std::to_array<Builtin>({
    {"cd", "cd [FOLDER]         change to FOLDER (without one: to /)", change_directory},
    {"echo", "echo WORDS…         print WORDS ($? is the last status, $NAME a variable)", echo},
    {"exit", "exit [CODE]         leave this shell; the first one powers the machine off", leave},
    {"export", "export [NAME=VALUE] set a variable for programs; without one, list them",
     set_variables},
    {"help", "help                print this help", help},
    {"jobs", "jobs                list the background jobs", list_jobs},
    {"kill", "kill [-SIGNAL] PID… send SIGTERM, or the signal by name or number (PID -1: to all)",
     send_signals},
    {"pwd", "pwd                 print the current folder", print_directory},
    {"wait", "wait                wait until all background jobs have ended", wait_for_jobs},
});

void print_names(const char* folder) {
  const auto items = user::list_directory(folder);
  if (!items) return;
  std::string line = " ";
  for (const auto& item : *items) {
    if (line.size() + item.name.size() > 76) {
      user::println("{}", line);
      line = " ";
    }
    line += " " + item.name;
  }
  user::println("{}", line);
}

/// Returns field `index` (from 0) of a line of fields separated by tabs.
std::string_view field(std::string_view line, int index) {
  for (; index > 0; --index) line.remove_prefix(std::min(line.size(), line.find('\t') + 1));
  return line.substr(0, line.find('\t'));
}

template <class Action>
void for_each_line(std::string_view text, Action action) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    action(line);
  }
}

int help(Shell&, Words) {
  user::println("Builtins:");
  for (const auto& builtin : builtins) user::println("  {}", builtin.usage);
  user::println("Programs in /bin:");
  print_names("/bin");
  if (const auto demos = user::read_file("/etc/demos")) {
    user::println("Demos among them (each checks its own claim):");
    std::size_t width = 0;
    for_each_line(*demos, [&](auto line) { width = std::max(width, field(line, 0).size()); });
    for_each_line(*demos, [&](auto line) {
      user::println("  {:<{}}  {}", field(line, 0), width, field(line, 2));
    });
  }
  user::println("Syntax:");
  user::println("  a | b               b reads the output of a");
  user::println("  a &                 a runs in the background");
  user::println("  a ; b   a && b      b runs after a; b runs if a succeeds");
  user::println("  a || b              b runs if a fails");
  user::println("  a < FILE            a reads FILE");
  user::println("  a > FILE            a prints into FILE (>> FILE: at its end)");
  user::println("  a 2> FILE           a prints its errors into FILE");
  user::println("  'quoted' \"quoted\"   one word; $NAME is a variable only in the second");
  user::println(
      "  Ctrl-C ends a program, or clears the line that you type; Ctrl-D ends the input, or this "
      "shell");
  return 0;
}

}  // namespace

bool is_builtin(std::string_view name) {
  return std::ranges::contains(builtins, name, &Builtin::name);
}

std::optional<int> run_builtin(Shell& shell, Words words) {
  const auto* builtin = std::ranges::find(builtins, words.front(), &Builtin::name);
  if (builtin == builtins.end()) return {};
  const int status = builtin->run(shell, words);
  return user::finish_output(words.front(), status);
}

}  // namespace shell
