#include "jobs.h"

#include <user/print.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace shell {

std::string describe(abi::WaitStatus status) {
  if (status.has_stopped()) return std::string{abi::description(status.stop_signal())};
  if (status.was_killed()) return std::string{abi::description(status.signal())};
  return status.exit_code() == 0 ? "done" : user::format("exit {}", status.exit_code());
}

// ── Job ──

Job::Job(std::vector<user::Pid> processes, user::Pid group, std::string text)
    : group_{group}, text_{std::move(text)} {
  for (const auto pid : processes) processes_.push_back({pid, State::running, abi::WaitStatus{}});
  // Lines after the first, such as the text after <<, are left out.
  if (const auto line = text_.find('\n'); line != std::string::npos) {
    text_.resize(line);
    text_ += " …";
  }
}

Job::State Job::state() const {
  const auto has = [this](State state) {
    return std::ranges::contains(processes_, state, &Process::state);
  };
  return has(State::running) ? State::running : has(State::stopped) ? State::stopped : State::ended;
}

abi::WaitStatus Job::status() const {
  const auto stopped = std::ranges::find(processes_, State::stopped, &Process::state);
  const bool is_stopped = state() == State::stopped;
  return is_stopped ? stopped->status : processes_.back().status;
}

std::optional<abi::Signal> Job::killer() const {
  std::optional<abi::Signal> found;
  for (const auto& process : processes_) {
    if (process.state != State::ended || !process.status.was_killed()) continue;
    const auto signal = process.status.signal();
    if (signal == abi::Signal::sigint) return signal;
    if (signal != abi::Signal::sigpipe) found = signal;
  }
  return found;
}

bool Job::note(user::Ended change) {
  const auto process = std::ranges::find(processes_, change.pid, &Process::pid);
  if (process == processes_.end()) return false;
  process->state = change.status.has_stopped()     ? State::stopped
                   : change.status.has_continued() ? State::running
                                                   : State::ended;
  if (process->state != State::running) process->status = change.status;
  if (state() != State::running) is_reported = false;
  return true;
}

user::Result<void> Job::send(abi::Signal signal) const {
  if (group_ != 0) return user::kill_group(group_, signal);
  user::Result<void> result;
  for (const auto& process : processes_) {
    if (process.state == State::ended) continue;
    if (auto sent = user::kill(process.pid, signal); !sent) result = sent;
  }
  return result;
}

void Job::note_continued() {
  for (auto& process : processes_) {
    if (process.state == State::stopped) process.state = State::running;
  }
  is_reported = true;
}

// ── Jobs ──

Job& Jobs::add(Job job) {
  return *jobs_.emplace_back(std::make_unique<Job>(std::move(job)));
}

void Jobs::put_into_background(Job& job) {
  if (job.number == 0) {
    for (const auto& other : jobs_) job.number = std::max(job.number, other->number);
    ++job.number;
  }
  const auto place = std::ranges::find(jobs_, &job, &std::unique_ptr<Job>::get);
  std::rotate(place, place + 1, jobs_.end());
  const auto is_ended = [](const auto& other) {
    return other->number != 0 && other->state() == Job::State::ended;
  };
  if (static_cast<std::size_t>(std::ranges::count_if(jobs_, is_ended)) > most_ended) {
    jobs_.erase(std::ranges::find_if(jobs_, is_ended));
  }
}

void Jobs::remove(const Job& job) {
  std::erase_if(jobs_, [&](const auto& other) { return other.get() == &job; });
}

void Jobs::note(user::Ended change) {
  for (const auto& job : jobs_) {
    if (job->note(change)) break;
  }
}

void Jobs::reap() {
  for (;;) {
    const auto change = user::wait(-1, abi::wnohang | abi::wuntraced | abi::wcontinued);
    if (!change || change->pid == 0) return;
    note(*change);
  }
}

Job* Jobs::find(std::string_view name) const {
  const bool is_job = name.starts_with('%');
  if (is_job) name.remove_prefix(1);
  if (is_job && (name.empty() || name == "%" || name == "+")) return current();
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  const bool is_number = error == std::errc{} && stop == end;
  const Job* const last = current();
  for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at) {
    Job* const job = at->get();
    if (job->number == 0) continue;
    if (!is_job && is_number && job->last_process() == number) return job;
    if (!is_job) continue;
    if (name == "-" && job != last) return job;
    if (is_number ? job->number == number : job->text().starts_with(name)) return job;
  }
  return nullptr;
}

Job* Jobs::current() const {
  for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at) {
    if ((*at)->number != 0) return at->get();
  }
  return nullptr;
}

Job* Jobs::first_in(Job::State state) const {
  const auto found = std::ranges::find_if(
      jobs_, [state](const auto& job) { return job->number != 0 && job->state() == state; });
  return found == jobs_.end() ? nullptr : found->get();
}

std::string Jobs::line(const Job& job) const {
  const auto what = job.state() == Job::State::running ? "running" : describe(job.status());
  return user::format("[{}] {}: {}", job.number, what, job.text());
}

void Jobs::report() {
  for (const auto& job : jobs_) {
    if (job->number == 0 || std::exchange(job->is_reported, true)) continue;
    user::complain("{}", line(*job));
  }
  std::erase_if(jobs_, [](const auto& job) { return job->state() == Job::State::ended; });
}

void Jobs::list() {
  std::vector<const Job*> sorted;
  for (const auto& job : jobs_) {
    job->is_reported = true;
    if (job->number != 0) sorted.push_back(job.get());
  }
  std::ranges::sort(sorted, {}, &Job::number);
  for (const Job* const job : sorted) {
    user::println(
        "[{}]{} {} {}: {}", job->number, job == current() ? '+' : ' ', job->last_process(),
        job->state() == Job::State::running ? "running" : describe(job->status()), job->text());
  }
  std::erase_if(jobs_, [](const auto& job) { return job->state() == Job::State::ended; });
}

}  // namespace shell
