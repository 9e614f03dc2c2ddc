#include "detector.h"

#include <fmt/format.h>

#include <algorithm>

#include "async/deadlock.h"
#include "async/graph.h"

namespace async::sim {
namespace {

using State = Subject::State;

void append(void* text, std::string_view piece) {
  *static_cast<std::string*>(text) += piece;
}

std::string describe(const Job& job) {
  std::string text;
  print_job(job, append, &text);
  if (job.kind == async::Kind::ready && Executor::is_running(job)) print_chain(job, append, &text);
  return text;
}

}  // namespace

std::string stuck_jobs() {
  std::string text;
  for_each_job([](void* text, const Job& job) { print_job(job, append, text); }, &text);
  return text;
}

void Detector::find(const char* kind, const std::string& what, const Job& job) {
  if (found_[kind]++ != 0) return;
  findings_.push_back(fmt::format("{}: {}\n{}", kind, what, describe(job)));
}

void Detector::change(Subject& subject, State state) {
  ready_ += state == State::ready;
  ready_ -= subject.state == State::ready;
  subject.state = state;
  subject.since_ns = platform::now_ns();
}

/// Reports jobs that wait although their conditions are true. Call it between two steps.
void Detector::find_lost_wakes() {
  struct Context {
    Detector& detector;
    std::uint64_t jobs = 0;
  } context{*this};
  for_each_job(
      [](void* opaque, const Job& job) {
        auto& [detector, jobs] = *static_cast<Context*>(opaque);
        ++jobs;
        if (subject_of(job) == nullptr || !waits_in_vain(job)) return;
        detector.find("lost wake", "waits, although its condition is true: its wake was not sent",
                      job);
      },
      &context);
  // Checks again after 16 steps for each job, so that checks stay cheap.
  steps_until_check_ = std::max<std::uint64_t>(64, 16 * context.jobs);
}

void Detector::observe(TraceEvent event, const Job& job) {
  if (event == TraceEvent::run && --steps_until_check_ == 0) find_lost_wakes();
  // The job gets its Subject only after this event. The Subject begins as `ready`, so it counts.
  if (event == TraceEvent::spawn) ++ready_;
  if (event == TraceEvent::spawn || event == TraceEvent::migrate) return;
  Subject* const subject = subject_of(job);
  if (subject == nullptr) return;
  const bool is_ready = subject->state == State::ready;
  switch (event) {
    case TraceEvent::wake:
      if (is_ready) find("double enqueue", "woken while already ready", job);
      return change(*subject, State::ready);
    case TraceEvent::run:
      if (!is_ready) find("double enqueue", "run while not ready", job);
      check_length(job, *subject);
      return change(*subject, State::running);
    case TraceEvent::yield:
    case TraceEvent::preempt: check_length(job, *subject); return change(*subject, State::ready);
    case TraceEvent::wait:
      check_length(job, *subject);
      change(*subject, State::waiting);
      return check_circle(job);
    case TraceEvent::done: check_length(job, *subject); return change(*subject, State::done);
    default: return;
  }
}

void Detector::check_length(const Job& job, const Subject& subject) {
  const std::uint64_t ns = platform::now_ns() - subject.since_ns;
  if (subject.state == State::ready && limits_.starving_ns != 0 && ns > limits_.starving_ns) {
    find("starvation", fmt::format("ready for {} ns", ns), job);
  }
  const bool delays = subject.state == State::running && ready_ != 0;
  if (delays && limits_.stalled_ns != 0 && ns > limits_.stalled_ns) {
    find("stall", fmt::format("running for {} ns; ready jobs: {}", ns, ready_), job);
  }
}

void Detector::check_circle(const Job& job) {
  std::string others;
  const bool is_circle = visit_circle(
      job, [](void* text, const Job& each) { *static_cast<std::string*>(text) += describe(each); },
      &others);
  if (!is_circle) return;
  others.erase(0, describe(job).size());  // without the job itself: find() describes it
  find("deadlock", "waits for itself" + (others.empty() ? "" : " through other jobs:\n" + others),
       job);
}

void Detector::end(const Machine& machine, bool (*excused)(const Job& job)) {
  find_lost_wakes();
  if (const auto hart = machine.lost_ipi()) {
    findings_.push_back(
        fmt::format("lost IPI: hart {} idles, although its inbox has entries\n", *hart));
  }
  struct Context {
    Detector& detector;
    const Machine& machine;
    bool (*excused)(const Job& job);
  } context{*this, machine, excused};
  for_each_job(
      [](void* opaque, const Job& job) {
        const auto& [detector, machine, excused] = *static_cast<Context*>(opaque);
        const Subject* const subject = subject_of(job);
        if (subject == nullptr) return;
        detector.check_length(job, *subject);
        const bool waits = subject->state == State::waiting;
        const bool in_vain = waits && machine.is_quiet() && awaited(job) == nullptr;
        if (in_vain && (excused == nullptr || !excused(job))) {
          detector.find("lost wake", "waits, and no event is left to wake it", job);
        }
        if (machine.is_stalled() && !waits) {
          detector.find("stall", "steps run, but virtual time does not advance", job);
        }
      },
      &context);
}

}  // namespace async::sim
