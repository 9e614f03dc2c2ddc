// The shell's builtin commands.
#include <user/calls.h>
#include <user/files.h>
#include <user/print.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "keyboard.h"
#include "parse.h"
#include "shell.h"

namespace shell {
namespace {

using Words = std::span<const std::string>;

constexpr int usage_error = 2;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::string joined(Words words) {
  std::string text;
  for (const auto& word : words) {
    if (&word != &words.front()) text += ' ';
    text += word;
  }
  return text;
}

// The number in the second word, or `otherwise` without that. If the word is no number, prints an
// error and returns nothing.
std::optional<int> count_in(Words words, int otherwise) {
  if (words.size() < 2) return otherwise;
  const auto count = number(words[1]);
  if (!count) user::complain("{}: {} is not a number", words[0], words[1]);
  return count;
}

int change_directory(Shell& shell, Words words) {
  auto where = shell.value("HOME").value_or("/");
  if (words.size() > 1) where = words[1];
  const auto changed = user::change_directory(where.c_str());
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
  const bool ends_line = words.size() < 2 || words[1] != "-n";
  auto line = joined(words.subspan(ends_line ? 1 : 2));
  if (ends_line) line += '\n';
  user::print("{}", line);
  return 0;
}

int do_nothing(Shell&, Words) {
  return 0;
}

// ── The flow of commands ──

int leave(Shell& shell, Words words) {
  const auto code = count_in(words, shell.status());
  if (!code) return usage_error;
  if (shell.is_interactive() && shell.jobs().first_in(Job::State::stopped) != nullptr &&
      !shell.has_warned()) {
    user::complain("exit: there are stopped jobs; `exit` again leaves them");
    shell.warn();
    return 1;
  }
  shell.set_flow(Flow::leave);
  return *code & 0xff;
}

int end_function(Shell& shell, Words words) {
  const auto code = count_in(words, shell.status());
  if (!code) return usage_error;
  if (shell.functions_running() == 0) {
    user::complain("return: no function runs");
    return 1;
  }
  shell.set_flow(Flow::end_function);
  return *code & 0xff;
}

int change_loop(Shell& shell, Words words, Flow flow) {
  const auto levels = count_in(words, 1);
  if (!levels || *levels < 1) return usage_error;
  if (shell.loops() > 0) shell.set_flow(flow, std::min(*levels, shell.loops()));
  return 0;
}

int end_loop(Shell& shell, Words words) {
  return change_loop(shell, words, Flow::end_loop);
}

int next_iteration(Shell& shell, Words words) {
  return change_loop(shell, words, Flow::next_iteration);
}

int run_text(Shell& shell, Words words) {
  shell.set_status(0);
  return shell.run_script(joined(words.subspan(1)));
}

int run_file_here(Shell& shell, Words words) {
  if (words.size() < 2) {
    user::complain("usage: . FILE");
    return usage_error;
  }
  const auto script = user::read_file(words[1].c_str());
  if (!script) {
    user::complain(".: {}: {}", words[1], abi::description(script.error()));
    return 1;
  }
  shell.set_status(0);
  return shell.run_script(*script);
}

int execute(Shell& shell, Words words) {
  if (words.size() == 1) return 0;
  const int status = shell.execute(words.subspan(1));
  if (!shell.is_interactive()) shell.set_flow(Flow::leave);
  return status;
}

// ── Variables ──

int export_variables(Shell& shell, Words words) {
  for (const std::string_view word : words.subspan(1)) {
    const auto name = word.substr(0, word.find('='));
    if (!is_variable_name(name)) {
      user::complain("export: expected NAME or NAME=VALUE, not {}", word);
      return 1;
    }
    if (name.size() < word.size()) shell.set_variable(name, word.substr(name.size() + 1));
    shell.export_variable(name);
  }
  if (words.size() == 1) {
    for (const auto& variable : shell.variables(true)) user::println("{}", variable);
  }
  return 0;
}

int unset(Shell& shell, Words words) {
  for (const auto& name : words.subspan(1)) {
    shell.unset_variable(name);
    shell.unset_function(name);
  }
  return 0;
}

// set [--] WORDS…: the parameters $1 …
int set_words(Shell& shell, Words words) {
  if (words.size() == 1) {
    for (const auto& variable : shell.variables(false)) user::println("{}", variable);
    return 0;
  }
  auto parameters = words.subspan(1);
  if (parameters.front() == "--") {
    parameters = parameters.subspan(1);
  } else if (parameters.front().starts_with('-') || parameters.front().starts_with('+')) {
    user::complain("set: the option {} does not exist", parameters.front());
    return usage_error;
  }
  shell.set_parameters(shell.value("0").value_or(""), {parameters.begin(), parameters.end()});
  return 0;
}

int shift(Shell& shell, Words words) {
  const auto count = count_in(words, 1);
  const auto& parameters = shell.parameters();
  if (!count) return usage_error;
  if (*count < 0 || static_cast<std::size_t>(*count) > parameters.size()) {
    user::complain("shift: there are {} parameters", parameters.size());
    return 1;
  }
  shell.set_parameters(shell.value("0").value_or(""),
                       {parameters.begin() + *count, parameters.end()});
  return 0;
}

struct InputLine {
  std::string text;
  bool is_complete = false;  // false: the input has ended before a newline
};

// The line for `read`. At a terminal a person edits it, as a command line. Elsewhere it reads no
// byte after the newline, because other programs may read the rest.
InputLine input_line(Shell& shell, const std::string& prompt) {
  if (shell.is_interactive() && user::is_terminal(user::standard_input)) {
    const Completer no_completion = [](std::string_view) { return Completion{}; };
    auto typed = read_typed_line(prompt, {}, no_completion);
    if (typed.how == Typed::How::given_up) shell.set_flow(Flow::give_up);
    return {std::move(typed.text), typed.how == Typed::How::line};
  }
  if (!prompt.empty()) static_cast<void>(user::write_all(user::standard_error, prompt));
  InputLine line;
  for (;;) {
    char byte = 0;
    const auto count = user::read(user::standard_input, std::span{&byte, 1});
    if (!count && count.error() == abi::Errno::eintr) continue;
    line.is_complete = count.value_or(0) != 0 && byte == '\n';
    if (count.value_or(0) == 0 || line.is_complete) return line;
    if (byte != '\0') line.text += byte;  // a variable cannot hold a zero
  }
}

// A \ at a line's end continues the line; other ones quote a character.
InputLine unescaped_line(Shell& shell, const std::string& prompt) {
  std::string result;
  for (;;) {
    const auto [text, is_complete] = input_line(shell, prompt);
    bool continues = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') ++i;
      continues = i == text.size();
      if (!continues) result += text[i];
    }
    if (!continues || !is_complete) return {result, is_complete};
  }
}

int read_line(Shell& shell, Words words) {
  bool is_raw = false;
  std::string prompt;
  auto names = words.subspan(1);
  for (; !names.empty() && names.front().starts_with('-'); names = names.subspan(1)) {
    if (names.front() == "-r") {
      is_raw = true;
    } else if (names.front() == "-p" && names.size() > 1) {
      prompt = names[1];
      names = names.subspan(1);
    } else {
      user::complain("usage: read [-r] [-p PROMPT] NAMES…");
      return usage_error;
    }
  }
  for (const auto& name : names) {
    if (is_variable_name(name)) continue;
    user::complain("read: {} is not a variable's name", name);
    return usage_error;
  }
  const std::vector<std::string> usual{"REPLY"};
  if (names.empty()) names = usual;
  const auto line = is_raw ? input_line(shell, prompt) : unescaped_line(shell, prompt);
  const auto separators = shell.value("IFS").value_or(" \t\n");
  const auto fields = split_fields(line.text, separators, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    shell.set_variable(names[i], i < fields.size() ? fields[i] : "");
  }
  return line.is_complete ? 0 : 1;
}

int print_history(Shell& shell, Words) {
  const auto& history = shell.history();
  for (std::size_t i = 0; i < history.size(); ++i) {
    user::println("{:5} {}", history.dropped() + i + 1, history[i]);
  }
  return 0;
}

// ── Jobs ──

int list_jobs(Shell& shell, Words) {
  shell.jobs().reap();
  shell.jobs().list();
  return 0;
}

// The job that the word names; without a word the current one. Null: there is none, which is
// reported.
Job* job_of(Shell& shell, Words words) {
  const std::string_view name = words.size() > 1 ? std::string_view{words[1]} : "%%";
  shell.jobs().reap();
  Job* const job = shell.jobs().find(name);
  if (job != nullptr && job->state() != Job::State::ended) return job;
  user::complain("{}: {}: no such job", words[0], name);
  return nullptr;
}

int continue_in_foreground(Shell& shell, Words words) {
  Job* const job = job_of(shell, words);
  if (job == nullptr) return 1;
  user::println("{}", job->text());
  return shell.continue_in_foreground(*job);
}

int continue_in_background(Shell& shell, Words words) {
  Job* const job = job_of(shell, words);
  if (job == nullptr) return 1;
  shell.jobs().put_into_background(*job);
  job->note_continued();
  if (const auto sent = job->send(abi::Signal::sigcont); !sent) {
    user::complain("bg: {}", abi::description(sent.error()));
    return 1;
  }
  user::println("[{}] {}", job->number, job->text());
  return 0;
}

// Waits for a job. Empty: ^C has ended the wait.
std::optional<int> wait_for(Shell& shell, Job& job) {
  const auto status = shell.wait_for_background(job);
  if (!status) return {};
  if (job.state() == Job::State::ended) shell.jobs().remove(job);
  return status->shell_code();
}

int wait_for_jobs(Shell& shell, Words words) {
  constexpr int no_such_job = 127;
  constexpr int interrupted = 130;
  int status = 0;
  for (const auto& name : words.subspan(1)) {
    Job* const job = shell.jobs().find(name);
    if (job == nullptr) user::complain("wait: {}: no such job", name);
    const auto waited = job != nullptr ? wait_for(shell, *job) : no_such_job;
    if (!waited) return interrupted;
    status = *waited;
  }
  if (words.size() > 1) return status;
  while (Job* const job = shell.jobs().first_in(Job::State::running)) {
    const auto waited = shell.wait_for_background(*job);
    if (!waited) return interrupted;
  }
  return 0;
}

std::optional<abi::Signal> signal_called(std::string_view name) {
  if (const auto value = number(name)) return static_cast<abi::Signal>(*value);
  if (name.starts_with("SIG")) name.remove_prefix(3);
  const auto* text = std::ranges::find(abi::signal_texts, name, &abi::SignalText::name);
  if (text == abi::signal_texts.end()) return {};
  return text->number;
}

// A stopped job would not end before it continues.
user::Result<void> signal_job(Job& job, abi::Signal signal) {
  auto sent = job.send(signal);
  const bool ends = signal == abi::Signal::sigterm || signal == abi::Signal::sighup;
  if (!sent || !ends || job.state() != Job::State::stopped) return sent;
  job.note_continued();  // else `wait` would find it stopped until it has ended
  return job.send(abi::Signal::sigcont);
}

/// kill is a builtin: if processes have used all memory, no program could start to end them.
int send_signals(Shell& shell, Words words) {
  auto signal = abi::Signal::sigterm;
  auto processes = words.subspan(1);
  if (!processes.empty() && processes[0].starts_with('-') && !processes[0].starts_with("--")) {
    const auto name = std::string_view{processes[0]}.substr(1);
    const auto wanted = signal_called(name);
    if (!wanted) {
      user::complain("kill: unknown signal {}", name);
      return usage_error;
    }
    signal = *wanted;
    processes = processes.subspan(1);
  }
  constexpr std::string_view usage = "usage: kill [-SIGNAL] PID|%JOB…";
  if (words.size() == 2 && words[1] == "--help") {
    user::println("{}", usage);
    return 0;
  }
  if (processes.empty() || processes[0].starts_with("--")) {
    user::complain("{}", usage);
    return usage_error;
  }
  shell.jobs().reap();
  int status = 0;
  for (const std::string_view word : processes) {
    Job* const job = word.starts_with('%') ? shell.jobs().find(word) : nullptr;
    const auto pid = number(word);
    if (job == nullptr && !pid) {
      user::complain("kill: {} is not a process id, and no job", word);
      return usage_error;
    }
    const auto sent = job != nullptr ? signal_job(*job, signal) : user::kill(*pid, signal);
    if (!sent) {
      user::complain("kill: {}: {}", word, abi::description(sent.error()));
      status = 1;
    }
  }
  return status;
}

int help(Shell& shell, Words words);

struct Builtin {
  std::string_view name;
  std::string_view arguments;
  std::string_view about;
  int (*run)(Shell&, Words);
};

constexpr auto builtins = std::to_array<Builtin>({
    {".", "FILE", "run the commands in FILE", run_file_here},
    {":", "", "do nothing", do_nothing},
    {"[", "EXPRESSION ]", "as test", run_test},
    {"bg", "[%JOB]", "continue a stopped job in the background", continue_in_background},
    {"break", "[N]", "end the loop, or N nested ones", end_loop},
    {"cd", "[FOLDER]", "change to FOLDER (without one: to $HOME, or /)", change_directory},
    {"continue", "[N]", "begin the loop's next round", next_iteration},
    {"echo", "[-n] WORDS…", "print WORDS (-n: without a newline)", echo},
    {"eval", "WORDS…", "run WORDS as a command", run_text},
    {"exec", "[COMMAND…]", "become COMMAND; without one, redirections stay", execute},
    {"exit", "[CODE]", "leave this shell; the first one powers the machine off", leave},
    {"export", "[NAME[=VALUE]]", "give a variable to programs; without one, list them",
     export_variables},
    {"fg", "[%JOB]", "continue a job in the foreground", continue_in_foreground},
    {"help", "", "print this help", help},
    {"history", "", "list the lines that you have typed", print_history},
    {"jobs", "", "list the jobs", list_jobs},
    {"kill", "[-SIGNAL] PID|%JOB…", "send SIGTERM, or a signal (PID -1: to all processes)",
     send_signals},
    {"pwd", "", "print the current folder", print_directory},
    {"read", "[-r] [-p TEXT] NAMES…", "read a line into variables", read_line},
    {"return", "[CODE]", "end the function", end_function},
    {"set", "[--] WORDS…", "set $1 …; without WORDS, list the variables", set_words},
    {"shift", "[N]", "remove the first parameters", shift},
    {"test", "EXPRESSION", "compare texts and numbers, look at files", run_test},
    {"unset", "NAMES…", "remove variables and functions", unset},
    {"wait", "[%JOB|PID…]", "wait until jobs in the background have ended", wait_for_jobs},
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
  for (const auto& [name, arguments, about, run] : builtins) {
    user::println("  {:<27} {}", user::format("{} {}", name, arguments), about);
  }
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
  user::println("{}", R"(Syntax:
  a | b                   b reads the output of a
  a ; b   a && b   a || b b runs after a; if a succeeds; if a fails
  a &                     a runs in the background
  < F   > F   >> F   2> F   2>&1   << END     files instead of input, output, errors
  'a b'   "a $NAME"   \a  one word; $NAME is a variable, but not between '…'
  ${NAME:-a} ${NAME#a} …  a value for a variable that is not set; without a at its start
  $(a)   `a`   $((1 + 2)) the output of a; a number
  *   ?   [a-z]   [!a-z]  names of files
  NAME=a   f() { a; }     a variable; a function
  if a; then b; else c; fi   while a; do b; done   for x in a b; do c; done
  case x in a*) b;; esac     ( a; b )   { a; b; }
Keys:
  Tab completes commands and paths. Up and Down show earlier lines, Ctrl-R searches them.
  Left, Right, Home, End, Ctrl-Left, Ctrl-Right move. Ctrl-A -E -K -U -W -Y -L as in other shells.
  Ctrl-Z stops a program, `fg` and `bg` continue it. Ctrl-C ends a program, or clears the line that
  you type; Ctrl-D ends the input, or this shell.)");
  return 0;
}

}  // namespace

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const auto& builtin : builtins) names.emplace_back(builtin.name);
  return names;
}

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
