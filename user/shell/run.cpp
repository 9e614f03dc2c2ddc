// Starts programs and subshells, connects them by pipes, and waits for them.
#include <abi/flags.h>
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "shell.h"
#include "text.h"

namespace shell {
namespace {

using abi::Signal;
using user::Fd;
using user::Pid;

constexpr int cannot_run = 126;
constexpr int not_found = 127;

// Signals that an interactive shell ignores. SIGINT is blocked instead, so that a loop of builtins
// can end with ^C.
constexpr auto ignored_signals = std::to_array(
    {Signal::sigquit, Signal::sigterm, Signal::sigtstp, Signal::sigttin, Signal::sigttou});
constexpr abi::SignalSet blocked_signals =
    abi::set_of(Signal::sigint) | abi::set_of(Signal::sigchld);

void ignore_signals(bool ignore) {
  for (const auto signal : ignored_signals) {
    static_cast<void>(user::ignore_signal(signal, ignore));
  }
  static_cast<void>(
      user::change_blocked_signals(ignore ? abi::sig_block : abi::sig_unblock, blocked_signals));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

std::optional<int> to_number(std::string_view text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return {};
  return value;
}

bool is_executable(const std::string& path) {
  return user::call(user::Call::faccessat, abi::at_fdcwd, path.c_str(), abi::x_ok).has_value();
}

// Whether a file that the kernel cannot execute may be a script: its first bytes are not zero.
bool is_text(const std::string& path) {
  const auto file = user::open(path.c_str(), abi::o_rdonly | abi::o_cloexec);
  if (!file) return false;
  char bytes[128];
  const auto count = user::read(*file, std::span{bytes});
  static_cast<void>(user::close(*file));
  return count && !std::string_view{bytes, *count}.contains('\0');
}

}  // namespace

std::string in_quotation_marks(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

// ── Redirections ──

std::expected<Fd, int> Shell::open_here_document(std::string_view text) {
  const auto file = user::call<Fd>(user::Call::memfd_create, "here-document", abi::mfd_cloexec);
  auto written = file ? user::write_all(*file, text) : std::unexpected{file.error()};
  if (written && !user::seek(*file, 0, abi::seek_set)) written = std::unexpected{abi::Errno::eio};
  if (written) return *file;
  if (file) static_cast<void>(user::close(*file));
  user::complain("sh: the text after <<: {}", abi::description(written.error()));
  return std::unexpected{1};
}

std::expected<void, int> Shell::open(const std::vector<Redirection>& redirections,
                                     OpenFiles& opened, std::vector<user::FdMapping>& fds) {
  for (const auto& redirection : redirections) {
    const auto target = expand_word(redirection.target, *this);
    if (!target) return std::unexpected{fail(target.error())};
    if (redirection.kind == Redirection::Kind::duplicate) {
      const auto from = *target == "-" ? std::optional{-1} : to_number(*target);
      const auto is_open = [&](Fd fd) {
        const auto last = std::ranges::find_last(fds, fd, &user::FdMapping::to);
        if (!last.empty()) return last.front().from >= 0;
        return user::call<int>(user::Call::fcntl, fd, abi::f_getfd).has_value();
      };
      if (!from || *from < -1 || (*from >= 0 && !is_open(*from))) {
        user::complain("sh: {} is no open descriptor", *target);
        return std::unexpected{1};
      }
      fds.push_back({*from, redirection.fd});
      continue;
    }
    if (redirection.kind == Redirection::Kind::text) {
      const auto text = open_here_document(*target);
      if (!text) return std::unexpected{text.error()};
      fds.push_back({opened.add(*text), redirection.fd});
      continue;
    }
    auto file = user::open(target->c_str(), redirection.flags | abi::o_cloexec);
    if (file && std::ranges::contains(redirections, *file, &Redirection::fd)) {
      // A descriptor that is being redirected would be closed with the file.
      const auto moved =
          user::call<Fd>(user::Call::fcntl, *file, abi::f_dupfd_cloexec, first_own_descriptor);
      static_cast<void>(user::close(*file));
      file = moved;
    }
    if (!file) {
      user::complain("sh: {}: {}", *target, abi::description(file.error()));
      return std::unexpected{1};
    }
    fds.push_back({opened.add(*file), redirection.fd});
  }
  return {};
}

// ── Programs ──

std::string Shell::find_program(const std::string& word) const {
  if (word.contains('/')) return word;
  const auto path = value("PATH").value_or("");
  for (std::string_view rest = path; !rest.empty();) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    auto candidate = std::string{folder} + "/" + word;
    if (is_executable(candidate)) return candidate;
  }
  return {};
}

std::expected<Shell::Launch, int> Shell::prepare(const std::vector<std::string>& words,
                                                 const std::vector<std::string>& assignments) {
  const auto& name = words.front();
  if (find_function(name) != nullptr || is_builtin(name)) {
    std::string commands;
    for (const std::string_view one : assignments) {
      const auto equals = one.find('=');
      commands += one.substr(0, equals + 1);
      commands += in_quotation_marks(one.substr(equals + 1)) + " ";
    }
    for (const auto& word : words) commands += in_quotation_marks(word) + " ";
    return prepare_subshell(commands);
  }
  Launch launch{find_program(name), words, variables(true)};
  if (launch.path.empty()) {
    user::complain("sh: {}: not found (`help` lists the commands)", name);
    return std::unexpected{not_found};
  }
  for (const std::string_view one : assignments) {
    const auto prefix = one.substr(0, one.find('=') + 1);
    std::erase_if(launch.environment,
                  [prefix](const std::string& entry) { return entry.starts_with(prefix); });
    launch.environment.emplace_back(one);
  }
  return launch;
}

// Prepares a command of a pipeline.
std::expected<Shell::Launch, int> Shell::prepare(const Command& command) {
  if (command.kind == Command::Kind::subshell) return prepare_subshell(command.inner_text);
  if (command.kind != Command::Kind::simple) return prepare_subshell(command.text);
  const auto words = expand(command.words);
  if (!words) return std::unexpected{1};
  if (words->empty()) return prepare_subshell(":");
  const auto assignments = expand(command.assignments);
  if (!assignments) return std::unexpected{1};
  return prepare(*words, *assignments);
}

Shell::Launch Shell::prepare_subshell(const std::string& commands) const {
  return {user::program_path(), subshell_arguments(commands), variables(true)};
}

// sh --subshell STATUS PID COUNT NAME=VALUE… COMMANDS NAME PARAMETERS…
std::vector<std::string> Shell::subshell_arguments(const std::string& commands) const {
  std::vector<std::string> own;
  for (const auto& one : variables_) {
    if (!one.is_exported) own.push_back(one.name + "=" + one.value);
  }
  std::vector<std::string> result{"sh", "--subshell", decimal(status_), decimal(process_),
                                  decimal(own.size())};
  result.insert(result.end(), own.begin(), own.end());
  std::string text;
  for (const auto& function : functions_) text += function.text + "\n";
  result.push_back(text + commands);
  result.push_back(name_);
  result.insert(result.end(), parameters_.begin(), parameters_.end());
  return result;
}

int Shell::run_subshell(std::span<char* const> arguments) {
  constexpr int usage = 2;
  if (arguments.size() < 5) return usage;
  const auto status = to_number(arguments[0]), process = to_number(arguments[1]),
             count = to_number(arguments[2]);
  arguments = arguments.subspan(3);
  if (!status || !process || !count || *count < 0) return usage;
  const auto variables = static_cast<std::size_t>(*count);
  if (arguments.size() < 2 || variables > arguments.size() - 2) return usage;
  status_ = *status;
  process_ = *process;
  for (const std::string_view one : arguments.first(variables)) {
    const auto name = one.substr(0, one.find('='));
    if (name.size() < one.size()) set_variable(name, one.substr(name.size() + 1));
  }
  arguments = arguments.subspan(variables);
  set_parameters(arguments[1], {arguments.begin() + 2, arguments.end()});
  return run_script(arguments[0]);
}

std::expected<Pid, int> Shell::start(const Launch& launch, JobStart& how,
                                     std::span<const user::FdMapping> fds) {
  const auto spawn = [&](const std::string& path, const std::vector<std::string>& words) {
    const auto arguments = pointers(words);
    const auto environment = pointers(launch.environment);
    return user::spawn(path.c_str(), arguments.data(),
                       {.fds = fds,
                        .environment = environment.data(),
                        .ignore_keys = how.is_background && !how.has_group,
                        .group = how.has_group ? std::optional{how.group} : std::nullopt,
                        .drops_stops = true,
                        .unblock = is_interactive_ ? blocked_signals : 0});
  };
  auto child = spawn(launch.path, launch.arguments);
  if (!child && child.error() == abi::Errno::enoexec && is_text(launch.path)) {
    auto words = launch.arguments;
    words[0] = launch.path;
    words.insert(words.begin(), "sh");
    child = spawn(user::program_path(), words);
  }
  if (child) {
    if (how.group == 0) how.group = *child;
    return *child;
  }
  user::complain("sh: {}: {}", launch.path, abi::description(child.error()));
  return std::unexpected{child.error() == abi::Errno::enoent ? not_found : cannot_run};
}

int Shell::run_programs(std::span<const Command> commands, const std::string& text,
                        bool is_background) {
  OpenFiles pipes;
  std::vector<Pid> processes;
  JobStart how{is_background, controls_jobs_};
  std::optional<Fd> input;
  int failure = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    std::vector<user::FdMapping> fds;
    if (input) {
      fds.push_back({*input, user::standard_input});
    } else if (is_background && !controls_jobs_) {
      // With job control, a background program that reads the terminal stops.
      if (const auto nothing = user::open("/dev/null", abi::o_rdonly | abi::o_cloexec)) {
        fds.push_back({pipes.add(*nothing), user::standard_input});
      }
    }
    if (i + 1 < commands.size()) {
      const auto pipe = user::make_pipe(abi::o_cloexec);
      if (!pipe) {
        user::complain("sh: pipe: {}", abi::description(pipe.error()));
        failure = 1;
        break;
      }
      input = pipes.add(pipe->read_end);
      fds.push_back({pipes.add(pipe->write_end), user::standard_output});
    }
    const auto child = start_command(commands[i], how, std::move(fds));
    failure = child ? 0 : child.error();
    if (child) processes.push_back(*child);
  }
  pipes.close();  // an open write end here would keep the readers from the end of file
  return finish_start(how, std::move(processes), failure, text);
}

// Starts a command of a pipeline, which has the descriptors `fds`.
std::expected<Pid, int> Shell::start_command(const Command& command, JobStart& how,
                                             std::vector<user::FdMapping> fds) {
  OpenFiles opened;
  // Other commands run with their redirections in the subshell.
  const bool redirects =
      command.kind == Command::Kind::simple || command.kind == Command::Kind::subshell;
  if (redirects) {
    if (const auto done = open(command.redirections, opened, fds); !done) {
      return std::unexpected{done.error()};
    }
  }
  const auto launch = prepare(command);
  if (!launch) return std::unexpected{launch.error()};
  return start(*launch, how, fds);
}

// Runs one program in the foreground.
int Shell::run_program(const Launch& launch, std::span<const user::FdMapping> fds,
                       const std::string& text) {
  JobStart how{false, controls_jobs_};
  const auto child = start(launch, how, fds);
  std::vector<Pid> processes;
  if (child) processes.push_back(*child);
  return finish_start(how, std::move(processes), child ? 0 : child.error(), text);
}

int Shell::run_in_background(const AndOr& item) {
  const auto& first = item.items.front().pipeline;
  if (item.items.size() == 1 && !first.negated)
    return run_programs(first.commands, item.text, true);
  Command whole{.kind = Command::Kind::subshell, .text = item.text, .inner_text = item.text};
  return run_programs({&whole, 1}, item.text, true);
}

int Shell::finish_start(const JobStart& how, std::vector<Pid> processes, int failure,
                        const std::string& text) {
  if (processes.empty()) return failure;
  Job& job = jobs_.add({std::move(processes), how.has_group ? how.group : 0, text});
  has_warned_ = false;
  if (how.is_background) {
    jobs_.put_into_background(job);
    last_background_ = job.last_process();
    if (is_interactive_) user::complain("[{}] {}", job.number, job.last_process());
    return 0;
  }
  put_into_foreground(job);
  const int status = wait_for_foreground(job);
  return failure != 0 ? failure : status;
}

int Shell::execute(std::span<const std::string> words) {
  const auto path = find_program(words.front());
  if (path.empty()) {
    user::complain("exec: {}: not found", words.front());
    return not_found;
  }
  const std::vector<std::string> list{words.begin(), words.end()};
  const auto environment_texts = variables(true);
  const auto arguments = pointers(list), environment = pointers(environment_texts);
  if (is_interactive_) ignore_signals(false);
  const auto error =
      user::call(user::Call::execve, path.c_str(), arguments.data(), environment.data()).error();
  if (is_interactive_) ignore_signals(true);
  user::complain("exec: {}: {}", path, abi::description(error));
  return error == abi::Errno::enoent ? not_found : cannot_run;
}

// Runs commands with their standard output in a pipe. They are in the shell's process group, so ^C
// ends them, but nothing stops them.
std::expected<std::string, std::string> Shell::output_of(const std::string& commands) {
  const auto pipe = user::make_pipe(abi::o_cloexec);
  if (!pipe) return std::unexpected{"pipe: " + std::string{abi::description(pipe.error())}};
  OpenFiles read_end, write_end;
  read_end.add(pipe->read_end);
  write_end.add(pipe->write_end);
  JobStart how{false, false};
  const user::FdMapping output{pipe->write_end, user::standard_output};
  const auto child = start(prepare_subshell(commands), how, {&output, 1});
  if (!child) return std::unexpected{std::string{}};
  write_end.close();
  auto text = user::read_all(pipe->read_end);
  read_end.close();
  auto ended = user::wait(*child);
  while (!ended && ended.error() == abi::Errno::eintr) ended = user::wait(*child);
  if (!text) return std::unexpected{std::string{abi::description(text.error())}};
  std::erase(*text, '\0');  // a variable cannot hold it
  const bool was_killed = ended && ended->status.was_killed();
  if (was_killed && is_interactive_ && ended->status.signal() == Signal::sigint) {
    user::complain("");
    return std::unexpected{std::string{}};
  }
  substitution_status_ = ended ? ended->status.shell_code() : 1;
  return std::move(*text);
}

// ── Job control ──

void Shell::become_interactive() {
  own_group_ = user::process_group().value_or(0);
  auto foreground = user::foreground_group(user::standard_input);
  // A shell in the background stops until it is in the foreground: this call sends it SIGTTOU. A
  // signal sent here could come after the other shell has continued this one. If nothing stops it,
  // because no shell could continue it, it works without job control.
  constexpr int tries = 16;
  for (int i = 0; i < tries && foreground && *foreground != own_group_; ++i) {
    static_cast<void>(user::set_foreground_group(user::standard_input, own_group_));
    foreground = user::foreground_group(user::standard_input);
  }
  is_interactive_ = true;
  controls_jobs_ = foreground == own_group_;
  ignore_signals(true);
  const auto settings = user::terminal_settings(user::standard_input);
  if (settings) settings_ = *settings;
}

bool Shell::take_interrupt() {
  return is_interactive_ && user::take_signal(abi::set_of(Signal::sigint), std::chrono::seconds{0});
}

// The shell is in the foreground again. A job that has ended by itself may have changed the
// terminal's settings on purpose.
void Shell::take_terminal_back(Job& job) {
  if (!controls_jobs_) return;
  static_cast<void>(user::set_foreground_group(user::standard_input, own_group_));
  const auto settings = user::terminal_settings(user::standard_input);
  const bool is_stopped = job.state() == Job::State::stopped;
  if (settings && is_stopped) job.settings = *settings;
  if (settings && !is_stopped && !job.killer()) {
    settings_ = *settings;
  } else if (settings_) {
    static_cast<void>(user::set_terminal(user::standard_input, *settings_));
  }
}

// Waits until the job has ended or stopped, and reports deaths by signals. Returns the status of
// its last process, or 128 + the signal that stopped it.
int Shell::wait_for_foreground(Job& job) {
  while (job.state() == Job::State::running) {
    const auto change = user::wait(-1, controls_jobs_ ? abi::wuntraced : 0);
    if (change) {
      jobs_.note(*change);
    } else if (change.error() != abi::Errno::eintr) {
      break;
    }
  }
  take_terminal_back(job);
  const int status = job.status().shell_code();
  if (job.state() == Job::State::stopped) {
    jobs_.put_into_background(job);
    user::complain("");
    jobs_.report();
    set_flow(Flow::give_up);
    return status;
  }
  const auto killer = job.killer();
  if (killer == Signal::sigint) {
    if (is_interactive_) {
      user::complain("");
      set_flow(Flow::give_up);
    }
  } else if (killer) {
    user::complain("{}: {}", job.text(), abi::description(*killer));
  }
  jobs_.remove(job);
  return status;
}

// Gives the job the terminal, after all its programs have started: before execve, a child drops ^Z
// (SpawnOptions::group). A program that reads the terminal earlier has stopped, so the job is
// continued.
void Shell::put_into_foreground(Job& job) {
  if (!controls_jobs_) return;
  static_cast<void>(user::set_foreground_group(user::standard_input, job.group()));
  static_cast<void>(job.send(Signal::sigcont));
  if (take_interrupt()) static_cast<void>(job.send(Signal::sigint));
}

int Shell::continue_in_foreground(Job& job) {
  if (controls_jobs_ && job.settings) {
    static_cast<void>(user::set_terminal(user::standard_input, *job.settings));
  }
  job.note_continued();
  put_into_foreground(job);
  return wait_for_foreground(job);
}

std::optional<abi::WaitStatus> Shell::wait_for_background(Job& job) {
  for (;;) {
    if (is_interactive_) jobs_.reap();
    if (job.state() != Job::State::running) return job.status();
    if (is_interactive_) {
      if (user::take_signal(blocked_signals) == Signal::sigint) return {};
    } else if (const auto ended = user::wait()) {
      jobs_.note(*ended);
    } else if (ended.error() != abi::Errno::eintr) {
      return abi::WaitStatus{};
    }
  }
}

}  // namespace shell
