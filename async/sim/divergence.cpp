#include "divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "async/graph.h"

namespace async::sim {
namespace {

std::vector<Decision> on_hart(const std::vector<Decision>& all, unsigned hart) {
  std::vector<Decision> own;
  std::ranges::copy_if(all, std::back_inserter(own),
                       [hart](const Decision& each) { return each.hart == hart; });
  return own;
}

std::string told(const std::optional<Decision>& decision) {
  if (!decision) return "nothing any more";
  std::string text = fmt::format("{:.3f} ms: task {} ({})", static_cast<double>(decision->ns) / 1e6,
                                 decision->task, decision->of);
  if (decision->candidates.size() > 1) {
    text += ", of";
    for (const std::uint64_t task : decision->candidates) text += fmt::format(" {}", task);
  }
  return text;
}

const Job* find_task(std::uint64_t number) {
  struct Context {
    std::uint64_t number;
    const Job* found;
  } context{number, nullptr};
  for_each_job(
      [](void* opaque, const Job& job) {
        auto& [number, found] = *static_cast<Context*>(opaque);
        if (job.kind != Kind::done && number_of(job) == number) found = &job;
      },
      &context);
  return context.found;
}

/// What a task does now, in the simulator, and what its policy knows of it.
std::string state_of(std::uint64_t number) {
  const Job* const job = find_task(number);
  if (job == nullptr) return "has not come yet, or has ended";
  if (job->kind == Kind::waiting) return fmt::format("waits ({})", job->reason());
  const Entity& entity = entity_of(*job);
  std::string text = Executor::is_running(*job) ? "runs" : "is ready";
  text += fmt::format(", priority {}", job->priority);
  if (entity.attributes.deadline != never) {
    const auto due = entity.attributes.deadline.time_since_epoch().count();
    text += fmt::format(", due at {:.3f} ms", static_cast<double>(due) / 1e6);
  }
  if (entity.attributes.weight != Attributes::usual_weight) {
    text += fmt::format(", weight {}", entity.attributes.weight);
  }
  if (entity.attributes.budget.count() != 0) {
    text += fmt::format(", {} of each {} ns reserved", entity.attributes.budget.count(),
                        entity.attributes.period.count());
  }
  return text;
}

bool has(const Decision& decision, std::uint64_t task) {
  return std::ranges::find(decision.candidates, task) != decision.candidates.end();
}

std::string reason(const Divergence& divergence, const std::string& by, const char* policy) {
  const Decision& recorded = *divergence.recorded;
  const Decision& now = *divergence.now;
  if (!has(now, recorded.task)) {
    return fmt::format("task {} was ready {}, and is not in the simulator", recorded.task, by);
  }
  if (!has(recorded, now.task)) {
    return fmt::format("task {} is ready in the simulator, and was not {}", now.task, by);
  }
  return fmt::format("both are ready in both: the policies, {}, choose differently", policy);
}

}  // namespace

Machine::Hook recorder_of_runs(std::vector<Decision>& decisions) {
  return [&decisions, record = recorder(decisions)](TraceEvent event, const Job& job) {
    const std::uint64_t now = platform::now_ns();
    const auto is_left = [&](const Decision& each) {
      return each.ns == now && each.hart == platform::hart() && each.task == number_of(job);
    };
    if (event == TraceEvent::preempt) {
      const auto of_now = std::ranges::lower_bound(decisions, now, {}, &Decision::ns);
      decisions.erase(std::remove_if(of_now, decisions.end(), is_left), decisions.end());
    }
    record(event, job);
  };
}

std::vector<Decision> changes_of_task(const std::vector<Decision>& decisions) {
  std::array<std::uint64_t, platform::max_harts> last{};
  std::vector<Decision> changes;
  for (const Decision& each : decisions) {
    if (std::exchange(last[each.hart], each.task) != each.task) changes.push_back(each);
  }
  return changes;
}

std::optional<Divergence> Divergence::first(const std::vector<Decision>& recorded,
                                            const std::vector<Decision>& now) {
  std::optional<Divergence> first;
  for (unsigned hart = 0; hart < platform::max_harts; ++hart) {
    const auto theirs = on_hart(recorded, hart);
    const auto ours = on_hart(now, hart);
    const auto [one, other] = std::ranges::mismatch(
        theirs, ours, [](const Decision& a, const Decision& b) { return a.task == b.task; });
    if (one == theirs.end() || other == ours.end()) continue;
    if (first && first->recorded->ns <= one->ns) continue;
    const auto place = static_cast<std::size_t>(one - theirs.begin());
    first = {.hart = hart, .place = place, .before = {}, .recorded = *one, .now = *other};
    if (place != 0) first->before = theirs[place - 1];
  }
  return first;
}

std::string explain(const Divergence& divergence, const std::string& by, const char* policy,
                    const std::function<void(Machine::Hook)>& simulate) {
  std::string text =
      fmt::format("change {} of hart {} differs\n", divergence.place, divergence.hart);
  if (divergence.before) text += fmt::format("  before, in both: {}\n", told(divergence.before));
  text += fmt::format("  recorded: {}\n  now:      {}\n  why:      {}\n", told(divergence.recorded),
                      told(divergence.now), reason(divergence, by, policy));
  bool is_told = false;
  simulate([&](TraceEvent event, const Job& job) {
    if (event != TraceEvent::run || platform::hart() != divergence.hart || is_told) return;
    if (platform::now_ns() != divergence.now->ns || number_of(job) != divergence.now->task) return;
    is_told = true;
    for (const std::uint64_t task : {divergence.recorded->task, divergence.now->task}) {
      text += fmt::format("    task {} in the simulator: {}\n", task, state_of(task));
    }
  });
  return text;
}

}  // namespace async::sim
