// Starts a job's programs, connects them by pipes, and waits for them.
#include <abi/flags.h>
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>

#include "shell.h"

namespace shell {
namespace {

using user::Fd;
using user::Pid;

constexpr int cannot_run = 126;
constexpr int not_found = 127;

// Descriptors opened for a job. The shell closes them when the programs have started.
class OpenFiles {
 public:
  OpenFiles() = default;
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;
  ~OpenFiles() { close(); }
  void close() {
    for (const Fd fd : fds_) static_cast<void>(user::close(fd));
    fds_.clear();
  }
  Fd add(Fd fd) {
    fds_.push_back(fd);
    return fd;
  }

 private:
  std::vector<Fd> fds_;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

// Starts a command. Returns its process, or the exit code for the failure.
std::expected<Pid, int> start(const Shell& shell, const Command& command, bool background,
                              std::vector<user::FdMapping> fds) {
  OpenFiles opened;
  for (const auto& redirection : command.redirections) {
    const auto file = user::call<Fd>(user::Call::openat, abi::at_fdcwd, redirection.path.c_str(),
                                     redirection.flags | abi::o_cloexec, 0666);
    if (!file) {
      user::complain("sh: {}: {}", redirection.path, abi::description(file.error()));
      return std::unexpected{1};
    }
    fds.push_back({opened.add(*file), redirection.fd});
  }

  // In a pipeline or in the background a builtin needs a process: another shell that runs only the
  // builtin.
  auto words = command.words;
  std::string path;
  if (is_builtin(words.front())) {
    path = user::program_path();
    words.insert(words.begin(), {"sh", "--builtin"});
  } else {
    path = find_program(shell, words.front());
  }
  if (path.empty()) {
    user::complain("sh: {}: not found (`help` lists the commands)", words.front());
    return std::unexpected{not_found};
  }
  const auto arguments = pointers(words);
  const auto environment = pointers(shell.variables());
  const auto child =
      user::spawn(path.c_str(), arguments.data(),
                  {.fds = fds, .environment = environment.data(), .ignore_keys = background});
  if (child) return *child;
  user::complain("sh: {}: {}", path, abi::description(child.error()));
  return std::unexpected{child.error() == abi::Errno::enoent ? not_found : cannot_run};
}

// Waits for all processes and reports deaths by signals. Returns the status of the last process of
// the pipeline.
int wait_for(Shell& shell, std::vector<Pid> processes, const std::string& text) {
  const Pid last = processes.back();
  int status = 0;
  while (!processes.empty()) {
    const auto ended = user::wait();
    if (!ended && ended.error() == abi::Errno::eintr) continue;
    if (!ended) break;
    if (std::erase(processes, ended->pid) == 0) {
      shell.jobs().note(*ended);
      continue;
    }
    if (ended->pid == last) status = ended->status.shell_code();
    if (!ended->status.was_killed()) continue;
    const auto signal = ended->status.signal();
    if (signal == abi::Signal::sigint) {
      user::complain("");
    } else if (signal != abi::Signal::sigpipe) {
      user::complain("{}: {}", text, abi::description(signal));
    }
  }
  return status;
}

}  // namespace

std::string find_program(const Shell& shell, const std::string& word) {
  if (word.contains('/')) return word;
  std::string path = shell.variable("PATH");
  for (std::string_view rest = path; !rest.empty();) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    auto candidate = std::string{folder} + "/" + word;
    if (user::status(candidate.c_str())) return candidate;
  }
  return {};
}

int Shell::run_programs(const Job& job) {
  OpenFiles pipes;
  std::vector<Pid> processes;
  std::optional<Fd> input;
  int failure = 0;
  for (std::size_t i = 0; i < job.commands.size(); ++i) {
    std::vector<user::FdMapping> fds;
    if (input) {
      fds.push_back({*input, user::standard_input});
    } else if (job.background) {
      if (const auto nothing = user::open("/dev/null", abi::o_rdonly | abi::o_cloexec)) {
        fds.push_back({pipes.add(*nothing), user::standard_input});
      }
    }
    if (i + 1 < job.commands.size()) {
      const auto pipe = user::make_pipe(abi::o_cloexec);
      if (!pipe) {
        user::complain("sh: pipe: {}", abi::description(pipe.error()));
        failure = 1;
        break;
      }
      input = pipes.add(pipe->read_end);
      fds.push_back({pipes.add(pipe->write_end), user::standard_output});
    }
    const auto child = start(*this, job.commands[i], job.background, std::move(fds));
    failure = child ? 0 : child.error();
    if (child) processes.push_back(*child);
  }
  pipes.close();  // an open write end here would keep the readers from the end of file
  if (processes.empty()) return failure;
  if (job.background) {
    jobs_.add(std::move(processes), job.text);
    return 0;
  }
  const int status = wait_for(*this, std::move(processes), job.text);
  return failure != 0 ? failure : status;
}

int Shell::run(const Job& job) {
  const auto& first = job.commands.front();
  if (job.commands.size() == 1 && !job.background && first.redirections.empty()) {
    if (const auto code = run_builtin(*this, first.words)) return *code;
  }
  return run_programs(job);
}

int Shell::run_line(std::string_view line) {
  const Expand expand = [this](std::string_view name) { return variable(name); };
  for (Join next = Join::always; !line.empty() && !exit_code_;) {
    const auto job = take_job(line, next, expand);
    if (!job) {
      user::complain("sh: {}", job.error());
      return status_ = 2;
    }
    if (job->commands.empty()) break;
    if (job->join == Join::on_success && status_ != 0) continue;
    if (job->join == Join::on_failure && status_ == 0) continue;
    status_ = run(*job);
  }
  return status_;
}

}  // namespace shell
