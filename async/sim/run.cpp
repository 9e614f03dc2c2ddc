// The part of Player that makes the tasks of a workload arrive and collects the measurements.
#include "run.h"

#include <algorithm>
#include <stdexcept>

#include "player.h"
#include "watchdog.h"

namespace async::sim {
namespace {

/// A phrase that lists the harts; empty if they are all `count` harts.
std::string among(const HartMask& harts, unsigned count) {
  std::string numbers;
  unsigned listed = 0;
  for (unsigned hart = 0; hart < count; ++hart) {
    if ((harts & hart_mask(hart)) == 0) continue;
    numbers += " " + std::to_string(hart);
    ++listed;
  }
  if (listed == count) return "";
  return std::string(", but may run only on hart") + (listed == 1 ? "" : "s") + numbers;
}

}  // namespace

Player::Player(const Workload& workload, const SimulateOptions& options)
    : workload(workload),
      options(options),
      arrivals(workload, options.machine.seed),
      detector(options.limits),
      admission(options.machine.harts),
      machine(options.machine) {
  for (const SharedLock& lock : workload.locks) locks.emplace_back(lock.inherits);
  for (const SharedChannel& channel : workload.channels) channels.emplace_back(channel.capacity);
  for (const TaskClass& what : workload.classes) classes.push_back({.name = what.name});
  shares.resize(classes.size());
}

// ── arrivals ─────────────────────────────────────────────────────────────────────────────────────

/// Schedules the next arrival of the class `of`, on the next hart that the class may use.
void Player::arrive(std::size_t of) {
  const auto when = arrivals.next(of, now());
  if (!when) return;
  const HartMask& harts = workload.classes[of].harts;
  do {
    next_hart = (next_hart + 1) % machine.harts();
  } while ((harts & hart_mask(next_hart)) == 0);
  machine.at(*when, next_hart, [this, of] {
    {
      const Strand::Guard strand;
      spawn(of, nullptr);
    }
    arrive(of);
  });
}

bool Player::uses_deadlines() const {
  return sim::uses_deadlines(*options.machine.policy);
}

void Player::admit(Instance& instance) {
  const TaskClass& what = workload.classes[instance.of];
  if (!uses_deadlines()) {
    instance.is_refused = true;  // the policy ignores reservations
  } else if (!admission.admit(what)) {
    instance.is_refused = true;
    ++classes[instance.of].refused;
  }
}

void Player::count_unfinished(const Instance& instance) {
  const TaskClass& what = workload.classes[instance.of];
  if (is_closed(instance)) {
    shares[instance.of].push_back(
        static_cast<double>(instance.total_run_ns + instance.has_run_ns()) / what.weight);
  }
  waits_for_ever |= !is_closed(instance);
  const bool counts = instance.arrived_ns >= workload.warm_up_ns && what.deadline_ns != 0;
  const std::uint64_t due = instance.arrived_ns + what.deadline_ns;
  if (!counts || due >= now()) return;
  ++classes[instance.of].missed;
  classes[instance.of].tardiness.add(now() - due);
}

Outcome Player::play() {
  const Watchdog watchdog;
  machine.set_hook([this](TraceEvent event, const Job& job) { traced(event, job); });
  for (std::size_t of = 0; of < classes.size(); ++of) {
    const Arrival& arrival = workload.classes[of].arrival;
    if (arrival.kind == Arrival::Kind::closed) {
      machine.at(0, 0, [this, of, count = arrival.count] {
        const Strand::Guard strand;
        for (std::uint32_t i = 0; i < count; ++i) spawn(of, nullptr);
      });
    } else {
      arrive(of);
    }
  }
  machine.run_until(workload.duration_ns);
  queue_changes(0);
  over = true;
  Outcome outcome{
      .duration_ns = workload.duration_ns,
      .measured_ns = workload.duration_ns - std::min(workload.duration_ns, workload.warm_up_ns),
      .harts = machine.harts(),
      .counts = machine.counts(),
      .hash = machine.schedule_hash(),
      .mean_queue = queue_area / static_cast<double>(workload.duration_ns),
      .longest_queue = longest_queue};
  for_each_job(
      [](void* player, const Job& job) {
        auto* const subject = static_cast<Subject*>(entity_of(job).attributes.owner);
        if (job.kind != async::Kind::done && subject != nullptr) {
          static_cast<Player*>(player)->count_unfinished(*static_cast<Instance*>(subject));
        }
      },
      this);
  detector.end(machine, [](const Job& job) {
    const auto& instance = *static_cast<Instance*>(entity_of(job).attributes.owner);
    return instance.player.is_closed(instance);
  });
  outcome.findings = detector.findings();
  if (uses_deadlines()) {
    for (const ClassOutcome& made : classes) {
      if (made.refused == 0) continue;
      outcome.unfit.push_back("admission: " + std::to_string(made.refused) + " of '" + made.name +
                              "' run without their reservations, which do not fit\n");
    }
    if (const auto demand = too_high_demand(workload, machine.harts())) {
      outcome.unfit.push_back("admission: the tasks with deadlines would keep " +
                              std::to_string(demand->busy) + " harts busy" +
                              among(demand->harts, machine.harts()) + "\n");
    }
  }
  if (machine.is_quiet() && waits_for_ever) outcome.stuck = stuck_jobs();
  machine.set_hook({});
  outcome.unheeded = unheeded_reservations(workload, *options.machine.policy);
  outcome.absent = absent_classes(workload);
  for (std::size_t of = 0; of < classes.size(); ++of) {
    ClassOutcome& made = classes[of];
    if (made.finished != 0) made.slowdown /= static_cast<double>(made.finished);
    if (!shares[of].empty()) made.fairness = jain(shares[of]);
  }
  outcome.classes = classes;  // before the unfinished tasks end, which changes them
  machine.wind_down();  // a policy that has lost jobs may show it only when no others are left
  if (!machine.trouble().empty()) throw std::runtime_error(machine.trouble());
  return outcome;
}

// ── measurements ─────────────────────────────────────────────────────────────────────────────────

void Player::queue_changes(int by) {
  queue_area += static_cast<double>(queued) * static_cast<double>(now() - queue_since);
  queue_since = now();
  queued += static_cast<std::uint64_t>(by);
  longest_queue = std::max(longest_queue, queued);
}

void Player::traced(TraceEvent event, const Job& job) {
  if (options.hook) options.hook(event, job);
  detector.observe(event, job);
  auto* const subject = static_cast<Subject*>(entity_of(job).attributes.owner);
  switch (event) {
    case TraceEvent::spawn:
      queue_changes(1);  // ready_ns stays 0: `run` measures from arrived_ns
      break;
    case TraceEvent::wake:
    case TraceEvent::preempt:
    case TraceEvent::yield:
      queue_changes(1);
      static_cast<Instance*>(subject)->ready_ns = now();
      break;
    case TraceEvent::run: {
      queue_changes(-1);
      Instance& instance = *static_cast<Instance*>(subject);
      const std::uint64_t since = std::max(instance.ready_ns, instance.arrived_ns);
      if (since >= workload.warm_up_ns) classes[instance.of].latency.add(now() - since);
      break;
    }
    default: break;
  }
}

Outcome simulate(const Workload& workload, const SimulateOptions& options) {
  return std::make_unique<Player>(workload, options)->play();
}

}  // namespace async::sim
