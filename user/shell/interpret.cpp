// Runs commands in this process, up to the programs that they start (run.cpp).
#include <abi/flags.h>
#include <user/files.h>
#include <user/print.h>

#include <algorithm>
#include <utility>

#include "parse.h"
#include "shell.h"
#include "text.h"

namespace shell {
namespace {

// Commands within commands, such as functions that call themselves, end before the stack does. It
// has 128 KiB without an MMU; half of that is for the parser.
constexpr std::size_t stack_of_level = 4096;
constexpr std::size_t least_levels = 32, most_levels = 1000;

constexpr int interrupted = 128 + static_cast<int>(abi::Signal::sigint);

}  // namespace

Shell::Shell() : process_{user::process_id()} {
  for (auto* const* entry = user::environment(); *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (name.size() == text.size()) continue;
    set_variable(name, text.substr(name.size() + 1));
    export_variable(name);
  }
  if (value("PATH").value_or("").empty()) {
    set_variable("PATH", "/bin");
    export_variable("PATH");
  }
}

// ── Variables ──

const Shell::Variable* Shell::find_variable(std::string_view name) const {
  const auto found = std::ranges::find(variables_, name, &Variable::name);
  return found == variables_.end() ? nullptr : &*found;
}

Shell::Variable& Shell::variable(std::string_view name) {
  const auto found = std::ranges::find(variables_, name, &Variable::name);
  if (found != variables_.end()) return *found;
  return variables_.emplace_back(std::string{name});
}

std::optional<std::string> Shell::value(std::string_view name) const {
  if (name == "?") return decimal(status_);
  if (name == "$") return decimal(process_);
  if (name == "#") return decimal(parameters_.size());
  if (name == "-") return is_interactive_ ? "i" : "";
  if (name == "0") return name_;
  if (name == "!") {
    if (last_background_ == 0) return {};
    return decimal(last_background_);
  }
  if (!name.empty() && name.front() >= '1' && name.front() <= '9') {
    std::size_t number = 0;
    for (const char digit : name.substr(0, 6)) {
      number = number * 10 + static_cast<std::size_t>(digit - '0');
    }
    if (number > parameters_.size()) return {};
    return parameters_[number - 1];
  }
  const auto* const found = find_variable(name);
  return found != nullptr ? std::optional{found->value} : std::nullopt;
}

void Shell::set_variable(std::string_view name, std::string_view value) {
  variable(name).value = value;
}

void Shell::export_variable(std::string_view name) {
  variable(name).is_exported = true;
}

void Shell::unset_variable(std::string_view name) {
  std::erase_if(variables_, [name](const Variable& one) { return one.name == name; });
}

std::vector<std::string> Shell::variables(bool only_exported) const {
  std::vector<std::string> result;
  for (const auto& one : variables_) {
    if (only_exported && !one.is_exported) continue;
    result.push_back(one.name + "=" + one.value);
  }
  return result;
}

void Shell::set_parameters(std::string name, std::vector<std::string> parameters) {
  name_ = std::move(name);
  parameters_ = std::move(parameters);
}

void Shell::unset_function(std::string_view name) {
  std::erase_if(functions_, [name](const Command& one) { return one.name == name; });
}

const Command* Shell::find_function(std::string_view name) const {
  const auto found = std::ranges::find(functions_, name, &Command::name);
  return found == functions_.end() ? nullptr : &*found;
}

std::vector<FolderItem> Shell::list_folder(const std::string& folder) {
  const auto items = user::list_directory(folder.c_str());
  std::vector<FolderItem> result;
  if (!items) return result;
  for (const auto& item : *items) {
    bool is_folder = item.type == abi::dt_dir;
    if (item.type == abi::dt_lnk || item.type == abi::dt_unknown) {
      const auto status = user::status((folder + "/" + item.name).c_str());
      is_folder = status && (status->mode & abi::s_ifmt) == abi::s_ifdir;
    }
    result.push_back({item.name, is_folder});
  }
  return result;
}

// ── Words ──

// Reports an error in a word; an empty message has been reported. Nothing runs after it.
int Shell::fail(std::string_view message) {
  if (!message.empty()) user::complain("sh: {}", message);
  if (flow_ == Flow::none) set_flow(Flow::give_up);
  return 1;
}

std::optional<std::vector<std::string>> Shell::expand(const std::vector<Word>& words) {
  auto result = expand_words(words, *this);
  if (result) return std::move(*result);
  fail(result.error());
  return {};
}

// NAME=value for each assignment.
std::optional<std::vector<std::string>> Shell::expand(const std::vector<Assignment>& assignments) {
  std::vector<std::string> result;
  for (const auto& [name, word] : assignments) {
    const auto value = expand_word(word, *this);
    if (!value) {
      fail(value.error());
      return {};
    }
    result.push_back(name + "=" + *value);
  }
  return result;
}

// ── Lists ──

int Shell::run_script(std::string_view script) {
  while (!script.empty() && flow_ == Flow::none) {
    if (const auto line = take_line(script)) {
      run(*line);
    } else {
      fail(line.error().message);
      status_ = 2;
    }
  }
  return status_;
}

bool Shell::run_if_complete(std::string_view line) {
  auto rest = line;
  const auto parsed = take_line(rest);
  if (!parsed && parsed.error().is_incomplete) return false;
  run_script(line);
  return true;
}

int Shell::run(const List& list) {
  for (const auto& item : list.items) {
    run(item);
    if (flow_ != Flow::none) break;
  }
  return status_;
}

int Shell::run(const AndOr& item) {
  if (item.background) return status_ = run_in_background(item);
  for (const auto& [join, pipeline] : item.items) {
    if (take_interrupt()) {
      set_flow(Flow::give_up);
      return status_ = interrupted;
    }
    if (join == Join::on_success && status_ != 0) continue;
    if (join == Join::on_failure && status_ == 0) continue;
    status_ = run(pipeline);
    if (flow_ != Flow::none) break;
  }
  return status_;
}

int Shell::run(const Pipeline& pipeline) {
  const int status = pipeline.commands.size() == 1
                         ? run(pipeline.commands.front())
                         : run_programs(pipeline.commands, pipeline.text, false);
  if (!pipeline.negated) return status;
  return status == 0 ? 1 : 0;
}

// Whether commands are so deep within each other that no further one may run.
bool Shell::is_too_deep() {
  if (level_ < least_levels) return false;
  if (level_limit_ == 0) {
    abi::ResourceLimit stack{};
    static_cast<void>(user::call(user::Call::prlimit64, 0, abi::rlimit_stack, nullptr, &stack));
    level_limit_ = std::clamp(stack.soft / stack_of_level, least_levels, most_levels);
  }
  return level_ >= level_limit_;
}

int Shell::run(const Command& command) {
  if (is_too_deep()) return fail("commands run each other too deeply");
  ++level_;
  const int status = run_command(command);
  --level_;
  return status;
}

int Shell::run_command(const Command& command) {
  using enum Command::Kind;
  if (command.kind == simple) return run_simple(command);
  if (command.kind == subshell) return run_programs({&command, 1}, command.text, false);
  OpenFiles opened;
  std::vector<user::FdMapping> fds;
  if (const auto done = open(command.redirections, opened, fds); !done) return done.error();
  const Redirected redirected{fds};
  switch (command.kind) {
    case group: return run(command.bodies.front());
    case condition: return run_condition(command);
    case while_loop:
    case until_loop: return run_loop(command);
    case for_loop: return run_for(command);
    case selection: return run_selection(command);
    case function:
      unset_function(command.name);
      functions_.push_back(command);
      return 0;
    case simple:
    case subshell: break;  // see above
  }
  return 0;
}

int Shell::run_condition(const Command& command) {
  const auto& bodies = command.bodies;
  for (std::size_t i = 0; i + 1 < bodies.size(); i += 2) {
    const int status = run(bodies[i]);
    if (flow_ != Flow::none) return status;
    if (status == 0) return run(bodies[i + 1]);
  }
  return bodies.size() % 2 != 0 ? run(bodies.back()) : 0;
}

// Whether the innermost loop ends after its body.
bool Shell::ends_loop() {
  if (flow_ != Flow::end_loop && flow_ != Flow::next_iteration) return flow_ != Flow::none;
  if (--flow_levels_ > 0) return true;  // an outer loop is meant
  return std::exchange(flow_, Flow::none) == Flow::end_loop;
}

int Shell::run_loop(const Command& command) {
  const bool wanted = command.kind == Command::Kind::while_loop;
  int status = 0;
  ++loops_;
  for (;;) {
    const bool holds = run(command.bodies[0]) == 0;
    if (flow_ != Flow::none) {
      if (ends_loop()) break;
      continue;
    }
    if (holds != wanted) break;
    status = run(command.bodies[1]);
    if (ends_loop()) break;
  }
  --loops_;
  return flow_ == Flow::none ? status : status_;
}

int Shell::run_for(const Command& command) {
  const auto words = command.over_parameters ? std::optional{parameters_} : expand(command.words);
  if (!words) return 1;
  int status = 0;
  ++loops_;
  for (const auto& word : *words) {
    set_variable(command.name, word);
    status = run(command.bodies.front());
    if (ends_loop()) break;
  }
  --loops_;
  return flow_ == Flow::none ? status : status_;
}

int Shell::run_selection(const Command& command) {
  const auto subject = expand_word(command.words.front(), *this);
  if (!subject) return fail(subject.error());
  for (const auto& [patterns, body] : command.cases) {
    for (const auto& word : patterns) {
      const auto pattern = expand_pattern(word, *this);
      if (!pattern) return fail(pattern.error());
      if (!matches(*pattern, *subject)) continue;
      status_ = 0;
      return run(body);
    }
  }
  return 0;
}

// ── Simple commands ──

int Shell::run_simple(const Command& command) {
  substitution_status_ = 0;
  const auto words = expand(command.words);
  if (!words) return 1;
  if (!words->empty()) {
    const auto assignments = expand(command.assignments);
    return assignments ? run_words(command, *words, *assignments) : 1;
  }
  for (const auto& [name, word] : command.assignments) {
    const auto value = expand_word(word, *this);
    if (!value) return fail(value.error());
    set_variable(name, *value);
  }
  OpenFiles opened;
  std::vector<user::FdMapping> fds;
  if (const auto done = open(command.redirections, opened, fds); !done) return done.error();
  return substitution_status_;
}

int Shell::run_words(const Command& command, const std::vector<std::string>& words,
                     const std::vector<std::string>& assignments) {
  if (find_function(words.front()) != nullptr || is_builtin(words.front())) {
    return run_in_this_process(command, words, assignments);
  }
  OpenFiles opened;
  std::vector<user::FdMapping> fds;
  if (const auto done = open(command.redirections, opened, fds); !done) return done.error();
  const auto launch = prepare(words, assignments);
  if (!launch) return launch.error();
  return run_program(*launch, fds, command.text);
}

// Runs a function or a builtin. The assignments hold only meanwhile.
int Shell::run_in_this_process(const Command& command, std::span<const std::string> words,
                               std::span<const std::string> assignments) {
  OpenFiles opened;
  std::vector<user::FdMapping> fds;
  if (const auto done = open(command.redirections, opened, fds); !done) return done.error();
  Redirected redirected{fds};
  if (words.front() == "exec" && words.size() == 1) redirected.keep();

  std::vector<std::pair<std::string, std::optional<Variable>>> before;
  for (const std::string_view assignment : assignments) {
    const auto name = assignment.substr(0, assignment.find('='));
    const auto* const old = find_variable(name);
    before.emplace_back(name, old != nullptr ? std::optional{*old} : std::nullopt);
    set_variable(name, assignment.substr(name.size() + 1));
    export_variable(name);
  }
  int status = 0;
  if (const auto* const function = find_function(words.front())) {
    status = call_function(*function, words);
  } else {
    status = run_builtin(*this, words).value_or(1);
  }
  for (; !before.empty(); before.pop_back()) {
    auto& [name, old] = before.back();
    if (old) {
      variable(name) = std::move(*old);
    } else {
      unset_variable(name);
    }
  }
  return status;
}

int Shell::call_function(Command function, std::span<const std::string> words) {
  auto parameters = std::exchange(parameters_, {words.begin() + 1, words.end()});
  const int loops = std::exchange(loops_, 0);
  ++functions_running_;
  run(function.bodies.front());
  --functions_running_;
  loops_ = loops;
  parameters_ = std::move(parameters);
  if (flow_ == Flow::end_function) flow_ = Flow::none;
  return status_;
}

}  // namespace shell
