// The programs that the shell has started and that it still has to wait for.
//
//             start                            ^Z
//   foreground ────▶ running ◀──────────────────────▶ stopped      fg, bg: SIGCONT
//   background ────▶    │
//                       ▼ all processes have ended
//                     ended ──▶ reported before the next prompt, or by `wait`
#pragma once

#include <abi/types.h>
#include <user/process.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shell {

// The processes of a pipeline.
class Job {
 public:
  enum class State { running, stopped, ended };

  // `group`: their process group, or 0 if they are in the shell's. The last process determines the
  // status. `text` is the command, for people.
  Job(std::vector<user::Pid> processes, user::Pid group, std::string text);

  State state() const;
  // What stopped the job, or how its last process has ended.
  abi::WaitStatus status() const;
  // The signal that has killed a process of the job, SIGINT first, but not SIGPIPE. Empty: none.
  std::optional<abi::Signal> killer() const;
  user::Pid last_process() const { return processes_.back().pid; }
  const std::string& text() const { return text_; }
  user::Pid group() const { return group_; }
  // False: the job has no such process.
  bool note(user::Ended change);
  // Sends the signal to all processes that have not ended. Returns the last error.
  user::Result<void> send(abi::Signal signal) const;
  void note_continued();

  int number = 0;  // 0: a job in the foreground
  // The terminal's settings when the job stopped; `fg` restores them.
  std::optional<abi::Termios> settings;
  bool is_reported = true;  // the user knows the present state

 private:
  struct Process {
    user::Pid pid;
    State state;
    abi::WaitStatus status;
  };
  std::vector<Process> processes_;
  user::Pid group_;
  std::string text_;
};

class Jobs {
 public:
  // The job is in the foreground; with a number it is in the background. The reference is valid
  // until the job is removed.
  Job& add(Job job);
  // Gives the job a number, and makes it the current one (%%). May remove ended jobs.
  void put_into_background(Job& job);
  void remove(const Job& job);
  // Records that a child has ended, stopped or continued.
  void note(user::Ended change);
  // Records the changes of all children. Never waits.
  void reap();

  // %N, %%, %+, %-, or %TEXT, the start of its command; a number is a process. Null: no such job.
  Job* find(std::string_view name) const;
  // The job that stopped or was put into the background last. Null: there is none.
  Job* current() const;
  // A job with a number. Null: there is none in this state.
  Job* first_in(Job::State state) const;

  // Prints jobs that have ended or stopped since the last call, and removes those that have ended.
  void report();
  // Prints all jobs, and removes those that have ended.
  void list();
  // If there are more ended jobs that were not waited for, the oldest are dropped.
  static constexpr std::size_t most_ended = 100;

 private:
  std::string line(const Job& job) const;

  std::vector<std::unique_ptr<Job>> jobs_;  // the current one is the last
};

// "done", "exit 3", "segmentation fault", "stopped".
std::string describe(abi::WaitStatus status);

}  // namespace shell
