#include "divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "async/graph.h"
#include "async/wait_list.h"

namespace async::sim {
namespace {

std::vector<Decision> on_hart(const std::vector<Decision>& all, unsigned hart) {
  std::vector<Decision> own;
  std::ranges::copy_if(all, std::back_inserter(own),
                       [hart](const Decision& each) { return each.hart == hart; });
  return own;
}

std::string describe_decision(const std::optional<Decision>& decision) {
  if (!decision) return "no further decision";
  std::string text =
      fmt::format("{:.6f} ms: hart {}, task {} ({})", static_cast<double>(decision->ns) / 1e6,
                  decision->hart, decision->task, decision->of);
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

std::string waiting_state_of(const Job& job) {
  const Node* const target = job.waits_for();
  const bool is_lock = target != nullptr && target->kind == Kind::mutex;
  const Job* const holder = is_lock ? static_cast<const WaitList*>(target)->owner() : nullptr;
  if (holder == nullptr) return fmt::format("waits ({})", job.reason());
  return fmt::format("waits ({}, held by task {})", job.reason(), number_of(*holder));
}

/// The present state of a task in the simulator, with the values by which its policy chooses.
std::string state_of(std::uint64_t number) {
  const Job* const job = find_task(number);
  if (job == nullptr) return "has not arrived yet, or has ended";
  if (job->kind == Kind::waiting) return waiting_state_of(*job);
  const Entity& entity = entity_of(*job);
  std::string text = Executor::is_running(*job) ? "runs" : "is ready";
  text += fmt::format(", priority {}", job->priority);
  if (job->priority != job->base_priority()) {
    text += fmt::format(" inherited from a lock's waiter (its own: {})", job->base_priority());
  }
  if (entity.attributes.deadline != never) {
    const auto due = entity.attributes.deadline.time_since_epoch().count();
    text += fmt::format(", deadline at {:.3f} ms", static_cast<double>(due) / 1e6);
  }
  if (entity.attributes.weight != Attributes::usual_weight) {
    text += fmt::format(", weight {}", entity.attributes.weight);
  }
  if (entity.attributes.budget.count() != 0) {
    text += fmt::format(", {} of each {} ns reserved", entity.attributes.budget.count(),
                        entity.attributes.period.count());
  }
  const bool is_deadline = entity.key == entity.attributes.deadline.time_since_epoch().count();
  if (entity.key != 0 && !is_deadline) text += fmt::format(", policy key {}", entity.key);
  if (entity.level != 0) text += fmt::format(", policy level {}", entity.level);
  return text;
}

bool has(const Decision& decision, std::uint64_t task) {
  return std::ranges::find(decision.candidates, task) != decision.candidates.end();
}

/// The reason of a divergence with comparable times. Empty: the two decisions differ only in the
/// task, and reason() then compares the ready tasks.
std::string reason_in_time(const Decision& recorded, const Decision& now, const Worlds& worlds) {
  const bool is_later = now.ns > recorded.ns;
  const Decision& first = is_later ? recorded : now;
  if (recorded.hart == now.hart && recorded.task == now.task) {
    if (recorded.ns == now.ns) return "the task has another class: the workload has changed";
    return fmt::format("the same decision {} ns {}: its arrival or the work before it took {}",
                       is_later ? now.ns - recorded.ns : recorded.ns - now.ns,
                       is_later ? "later" : "earlier", is_later ? "longer" : "less time");
  }
  if (recorded.ns != now.ns) {
    return fmt::format("{} hart {} makes no decision at {:.6f} ms",
                       is_later ? worlds.now : worlds.recorded, first.hart,
                       static_cast<double>(first.ns) / 1e6);
  }
  if (recorded.hart == now.hart) return "";
  return fmt::format("hart {} decides first {}, and hart {} {}", now.hart, worlds.now,
                     recorded.hart, worlds.recorded);
}

std::string reason(const Divergence& divergence, const Worlds& worlds, const char* policy) {
  if (!divergence.recorded) return "the recording has no further decision";
  if (!divergence.now) return fmt::format("no further decision is made {}", worlds.now);
  const Decision& recorded = *divergence.recorded;
  const Decision& now = *divergence.now;
  if (divergence.is_timed) {
    if (auto found = reason_in_time(recorded, now, worlds); !found.empty()) return found;
  }
  if (!recorded.candidates.empty() && !has(recorded, recorded.task)) {
    return fmt::format("the recording is invalid: task {} was not ready there", recorded.task);
  }
  if (!has(now, recorded.task)) {
    return fmt::format("task {} was ready {}, but is not {}", recorded.task, worlds.recorded,
                       worlds.now);
  }
  if (!has(recorded, now.task)) {
    return fmt::format("task {} is ready {}, but was not {}", now.task, worlds.now,
                       worlds.recorded);
  }
  return fmt::format(
      "both tasks were ready in both runs: policy {} chose differently, because attributes, "
      "inherited priorities or the policy's own state differ",
      policy);
}

/// The states that the tasks of both decisions have in the simulator when it makes its decision. If
/// the recorded decision is earlier: their states just after that time. If the decision before was
/// for the same hart, then also the state of its task, which runs on in the simulator.
std::string states_when_they_part(const Divergence& divergence, const std::string& where,
                                  const std::function<void(Machine::Hook)>& simulate) {
  const Decision& recorded = *divergence.recorded;
  const Decision& now = *divergence.now;
  const bool continues = divergence.is_timed && recorded.ns < now.ns;
  std::set tasks{recorded.task, now.task};
  if (continues && divergence.before && divergence.before->hart == recorded.hart) {
    tasks.insert(divergence.before->task);
  }
  std::string states;
  simulate([&](TraceEvent event, const Job& job) {
    const std::uint64_t ns = platform::now_ns();
    const bool is_decision = event == TraceEvent::run && platform::hart() == now.hart &&
                             ns == now.ns && number_of(job) == now.task;
    if (!states.empty() || !(continues ? ns > recorded.ns : is_decision)) return;
    for (const std::uint64_t task : tasks) {
      states += fmt::format("    task {} {}: {}\n", task, where, state_of(task));
    }
  });
  return states;
}

/// The first place at which the two sequences of decisions differ, by `same`.
template <class Same>
Divergence mismatch(const std::vector<Decision>& recorded, const std::vector<Decision>& now,
                    Same&& same) {
  const auto [one, other] = std::ranges::mismatch(recorded, now, same);
  Divergence first{.place = static_cast<std::size_t>(one - recorded.begin())};
  if (first.place != 0) first.before = recorded[first.place - 1];
  if (one != recorded.end()) first.recorded = *one;
  if (other != now.end()) first.now = *other;
  return first;
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

namespace {

/// The highest number of a hart in `decisions`, plus 1.
unsigned end_of_harts(const std::vector<Decision>& decisions) {
  unsigned end = 0;
  for (const Decision& each : decisions) end = std::max(end, each.hart + 1);
  return end;
}

}  // namespace

std::vector<Decision> changes_of_task(const std::vector<Decision>& decisions) {
  std::array<std::uint64_t, platform::max_harts> last{};
  std::vector<Decision> changes;
  for (const Decision& each : decisions) {
    if (std::exchange(last[each.hart], each.task) != each.task) changes.push_back(each);
  }
  return changes;
}

std::optional<Divergence> Divergence::of_all(const std::vector<Decision>& recorded,
                                             const std::vector<Decision>& now) {
  auto first = mismatch(recorded, now, std::equal_to<>{});
  if (!first.recorded && !first.now) return std::nullopt;
  first.is_timed = true;
  return first;
}

std::optional<Divergence> Divergence::of_harts(const std::vector<Decision>& recorded,
                                               const std::vector<Decision>& now) {
  std::optional<Divergence> first;
  const unsigned end = std::max(end_of_harts(recorded), end_of_harts(now));
  for (unsigned hart = 0; hart < end; ++hart) {
    const auto parts =
        mismatch(on_hart(recorded, hart), on_hart(now, hart),
                 [](const Decision& a, const Decision& b) { return a.task == b.task; });
    if (!parts.recorded || !parts.now) continue;
    if (!first || parts.recorded->ns < first->recorded->ns) first = parts;
  }
  return first;
}

std::string explain(const Divergence& divergence, const Worlds& worlds, const char* policy,
                    const std::function<void(Machine::Hook)>& simulate) {
  std::string text;
  if (divergence.before)
    text += fmt::format("  before:   {}\n", describe_decision(divergence.before));
  text += fmt::format("  recorded: {}\n  now:      {}\n  why:      {}\n",
                      describe_decision(divergence.recorded), describe_decision(divergence.now),
                      reason(divergence, worlds, policy));
  if (!divergence.recorded || !divergence.now) return text;
  return text + states_when_they_part(divergence, worlds.now, simulate);
}

}  // namespace async::sim
