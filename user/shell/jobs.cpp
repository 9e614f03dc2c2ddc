#include "jobs.h"

#include <user/print.h>

#include <utility>

namespace shell {

std::string describe(abi::WaitStatus status) {
  if (status.was_killed()) return std::string{abi::description(status.signal())};
  return status.exit_code() == 0 ? "done" : user::format("exit {}", status.exit_code());
}

void Jobs::add(std::vector<user::Pid> processes, std::string text) {
  const int number = jobs_.empty() ? 1 : jobs_.back().number + 1;
  const user::Pid last = processes.back();
  user::complain("[{}] {}", number, last);
  jobs_.push_back({number, std::move(processes), last, std::move(text), abi::WaitStatus{}});
}

void Jobs::note(user::Ended ended) {
  for (auto& job : jobs_) {
    if (std::erase(job.processes, ended.pid) == 0) continue;
    if (ended.pid == job.last) job.status = ended.status;
    if (job.processes.empty()) {
      user::complain("[{}] {}: {}", job.number, describe(job.status), job.text);
    }
  }
  std::erase_if(jobs_, [](const Job& job) { return job.processes.empty(); });
}

void Jobs::reap() {
  for (;;) {
    const auto ended = user::wait(-1, abi::wnohang);
    if (!ended || ended->pid == 0) return;
    note(*ended);
  }
}

void Jobs::wait_for_all() {
  while (!jobs_.empty()) {
    const auto ended = user::wait();
    if (!ended) return;
    note(*ended);
  }
}

void Jobs::list() const {
  for (const auto& job : jobs_) user::println("[{}] {} {}", job.number, job.last, job.text);
}

}  // namespace shell
