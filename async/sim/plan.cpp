#include "plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

#include "arrivals.h"
#include "walk.h"

namespace async::sim {
namespace {

struct Planned {
  std::uint64_t at_ns;
  std::size_t known;  // arrivals scheduled before this one; they come first at equal times
  std::size_t of;     // index of the class
  auto operator<=>(const Planned&) const = default;
};

/// All tasks in the order of arrival, which is the order of their numbers. As on a machine, the
/// next arrival of a class is scheduled when the task before it arrives.
std::vector<Planned> in_order(const Workload& workload, std::uint64_t seed) {
  Arrivals arrivals(workload, seed);
  std::priority_queue<Planned, std::vector<Planned>, std::greater<>> coming;
  std::size_t known = 0;
  const auto await_next = [&](std::size_t of, std::uint64_t now_ns) {
    if (const auto at_ns = arrivals.next(of, now_ns)) coming.push({*at_ns, known++, of});
  };
  for (std::size_t of = 0; of < workload.classes.size(); ++of) {
    if (workload.classes[of].arrival.kind == Arrival::Kind::closed) {
      coming.push({0, known++, of});
    } else {
      await_next(of, 0);
    }
  }
  std::vector<Planned> all;
  for (; !coming.empty(); await_next(all.back().of, all.back().at_ns)) {
    const Planned next = coming.top();
    coming.pop();
    const Arrival& arrival = workload.classes[next.of].arrival;
    const bool is_closed = arrival.kind == Arrival::Kind::closed;
    all.insert(all.end(), is_closed ? arrival.count : 1, next);
  }
  return all;
}

/// The text of one round of steps. Adds the time that the round needs alone to `demand_ns`.
std::string round_of(const TaskClass& what, Random& random, std::uint64_t& demand_ns) {
  std::string text;
  const auto draw = [&](const Distribution& time) {
    const std::uint64_t ns = time.draw(random);
    demand_ns += ns;
    return ns;
  };
  Walk walk(what.steps);
  while (const Step* const step = walk.next()) {
    switch (step->kind) {
      case Step::Kind::run: text += fmt::format(" r{}", draw(step->time)); break;
      case Step::Kind::wait: text += fmt::format(" w{}", draw(step->time)); break;
      case Step::Kind::yield: text += " y"; break;
      case Step::Kind::lock: text += fmt::format(" l{}", step->object); break;
      case Step::Kind::unlock: text += fmt::format(" u{}", step->object); break;
      case Step::Kind::send: text += fmt::format(" s{}", step->object); break;
      case Step::Kind::receive: text += fmt::format(" v{}", step->object); break;
      case Step::Kind::fork: break;  // plan() refuses classes that fork
      case Step::Kind::repeat:
      case Step::Kind::end: break;  // Walk::next() repeats the steps
    }
  }
  return text;
}

}  // namespace

std::expected<std::string, std::string> plan(const Workload& workload, std::uint64_t seed,
                                             bool reserves) {
  constexpr std::size_t most_bytes = 16 << 20;
  std::string text = fmt::format("cotrap-plan 1\nuntil {} after {}\nlocks", workload.duration_ns,
                                 workload.warm_up_ns);
  for (const SharedLock& lock : workload.locks) text += lock.inherits ? " i" : " n";
  text += " channels";
  for (const SharedChannel& channel : workload.channels) {
    text += fmt::format(" {}", channel.capacity);
  }
  text += "\n";
  for (const TaskClass& what : workload.classes) {
    if (std::ranges::find(what.steps, Step::Kind::fork, &Step::kind) != what.steps.end()) {
      return std::unexpected("class " + what.name + " forks, which only the simulator supports");
    }
    text += fmt::format("class {} {} {} {} {} {} {}\n", what.name, what.priority, what.deadline_ns,
                        what.weight, reserves ? what.budget_ns : 0, what.period_ns,
                        first_harts(what.harts));
  }
  std::uint64_t number = 0;
  for (const Planned& task : in_order(workload, seed)) {
    const TaskClass& what = workload.classes[task.of];
    Random random(seed, ++number);
    text += fmt::format("task {} {}", task.of, task.at_ns);
    std::uint64_t demand_ns = 0;
    do {
      text += round_of(what, random, demand_ns);
      if (what.arrival.kind != Arrival::Kind::closed) break;
      const std::uint64_t pause = what.arrival.between.draw(random);
      text += fmt::format(" n{}", pause);
      demand_ns += pause;
    } while (demand_ns < workload.duration_ns && demand_ns != 0 && text.size() < most_bytes);
    text += "\n";
    if (text.size() >= most_bytes)
      return std::unexpected("its plan is too long: use a shorter --duration");
  }
  return text;
}

}  // namespace async::sim
