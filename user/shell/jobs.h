// The jobs that run in the background.
#pragma once

#include <user/process.h>

#include <string>
#include <vector>

namespace shell {

class Jobs {
 public:
  // `last` is the process whose end is the job's.
  void add(std::vector<user::Pid> processes, std::string text);
  // Somebody's child has ended: notes it and prints a notice when that ends a job.
  void note(user::Ended ended);
  // Notices for everything that has ended meanwhile. Never waits.
  void reap();
  // Until none is left.
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
