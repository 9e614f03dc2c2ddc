// Background jobs.
#pragma once

#include <user/process.h>

#include <string>
#include <vector>

namespace shell {

class Jobs {
 public:
  // The last of `processes` determines the job's status. `text` is the command line, for notices.
  void add(std::vector<user::Pid> processes, std::string text);
  // Records that a child has ended. Prints a notice if its job has ended with it.
  void note(user::Ended ended);
  // Records all children that have ended. Never waits.
  void reap();
  // Waits until no job is left.
  void wait_for_all();
  void list() const;

 private:
  struct Job {
    int number;
    std::vector<user::Pid> processes;
    user::Pid last;
    std::string text;
    abi::WaitStatus status;
  };
  std::vector<Job> jobs_;
};

// "done", "exit 3", "segmentation fault".
std::string describe(abi::WaitStatus status);

}  // namespace shell
