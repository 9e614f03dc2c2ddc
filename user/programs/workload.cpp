// workload [-f] PLAN: does what a plan says (async/sim/plan.h), and prints when it began and for
// each class how long its tasks took from their arrival to their end:
//
//   start <tab> nanoseconds since boot
//   CLASS <tab> arrived <tab> finished <tab> missed <tab> mean <tab> p50 <tab> p99 <tab> longest
//   (ns)
//   unbegun <tab> CLASS <tab> how many have arrived and had not begun at the end, if any
//
// Each task is done by a thread that sleeps until it arrives, so that who is woken when is the
// kernel's business alone. Some always sleep ahead:
//
//   takes the next task ──► says what it is ──► sleeps until it comes ──► does it ──┐
//        ▲                                          │ few are left asleep: one more │ thread
//        └───────────────────────────────────────────────── says that it is done ◄──┘
//
// Computing is a loop that was timed; waiting is sleeping. The kernel is told each task's priority
// (SCHED_RR, or with -f SCHED_FIFO, by its rank among those there are), deadline, weight, harts
// and, once it has come, its reservation (SCHED_DEADLINE); where that is refused it does without.
#include <user/thread.h>

#include "plan.h"

namespace {

using namespace programs;

constexpr int ranks = 6;        // of real-time levels below the first
constexpr unsigned ahead = 16;  // threads that sleep
/// What one that sleeps has reserved, to wake and to reserve the rest.
constexpr nanoseconds glance{20'000};

void turn(std::uint64_t times) {
  for (; times != 0; --times) asm volatile("");
}

/// How often turn() goes round in a million nanoseconds; the best of some, others may interrupt.
std::uint64_t turns_in_a_millisecond() {
  constexpr std::uint64_t times = 1'000'000;
  auto least = nanoseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto begin = user::now();
    turn(times);
    least = std::min(least, user::now() - begin);
  }
  return times * 1'000'000 / static_cast<std::uint64_t>(std::max(least, nanoseconds{1}).count());
}

/// 99 is the launcher's; each rank is one of the kernel's levels below.
int real_time_priority(const Plan& plan, int priority) {
  std::vector<int> all;
  for (const auto& each : plan.classes) all.push_back(each->priority);
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  user::check(all.size() <= ranks, "{} priorities are more than {}", all.size(), ranks);
  const auto rank = std::ranges::find(all, priority) - all.begin();
  return 99 - static_cast<int>((rank + 1) * 99 + 6) / 7;
}

/// Does all the tasks, from start() on.
class Players {
 public:
  /// `policy`: a real-time one.
  Players(Plan& plan, int policy)
      : plan_{plan},
        policy_{static_cast<std::uint32_t>(policy)},
        turns_{turns_in_a_millisecond()} {}

  /// What comes at 0 comes so much later.
  nanoseconds start(nanoseconds later) {
    start_ = user::now() + later;
    const user::Lock lock{mutex_};
    for (unsigned i = 0; i < ahead; ++i) add_thread();
    return start_;
  }

  /// Once it is over: what has come and has not ended has arrived, too, and may be late.
  void count_unfinished() const {
    for (const auto& task : plan_.tasks) {
      Class& of = *task->of;
      const user::Lock lock{of.mutex};
      const bool has_begun = task->state == Task::State::under_way;
      const auto came = has_begun ? task->arrived - start_ : task->at;
      if (task->state == Task::State::over || came < plan_.after || came >= plan_.until) continue;
      of.arrived += !has_begun;
      of.unbegun += !has_begun;
      of.missed += of.deadline.count() != 0 && came + of.deadline < plan_.until;
    }
  }

 private:
  /// The lock is held.
  void add_thread() {
    ++asleep_;
    threads_.push_back(std::make_unique<user::Thread>([this] {
      for (;;) play(next());
    }));
  }
  Task& next() {
    for (;;) {
      {
        const user::Lock lock{mutex_};
        if (next_ < plan_.tasks.size()) return *plan_.tasks[next_++];
      }
      static_cast<void>(user::sleep_until(start_ + plan_.until));
      static_cast<void>(user::sleep_for(std::chrono::seconds{1}));  // it is over
    }
  }
  void play(Task& task) {
    const Class& of = *task.of;
    const auto arrival = start_ + task.at;
    static_cast<void>(user::set_affinity(0, of.harts));
    set_priority(of);
    if (of.budget.count() != 0) static_cast<void>(reserve(of, std::min(glance, of.budget)));
    hint(task.number, of, arrival);
    static_cast<void>(user::sleep_until(arrival));
    note_beginning(task, arrival);
    if (of.budget.count() != 0 && !reserve(of, of.budget)) set_priority(of);
    live(task);
    hint(0, of, task.arrived);  // whoever reads a trace: what follows is not its work
    if (of.budget.count() != 0) set_priority(of);
    const user::Lock lock{mutex_};
    ++asleep_;
  }

  std::uint32_t priority_of(const Class& of) const {
    return static_cast<std::uint32_t>(real_time_priority(plan_, of.priority));
  }
  void set_priority(const Class& of) const {
    user::must(user::set_schedule(0, {.policy = policy_, .priority = priority_of(of)}),
               "a real-time priority");
  }
  /// Refused where there is no room for it.
  static bool reserve(const Class& of, nanoseconds budget) {
    return user::set_schedule(0, {.policy = abi::sched_deadline,
                                  .runtime = static_cast<std::uint64_t>(budget.count()),
                                  .deadline = static_cast<std::uint64_t>(of.period.count())})
        .has_value();
  }
  static void hint(std::uint64_t number, const Class& of, nanoseconds arrived) {
    const auto due = of.deadline.count() == 0 ? nanoseconds{0} : arrived + of.deadline;
    user::hint_work(number, due, of.weight);
  }

  void note_beginning(Task& task, nanoseconds arrived) {
    on_migrate_in(task, arrived);
    const user::Lock lock{mutex_};
    if (--asleep_ < ahead / 2 && next_ < plan_.tasks.size()) add_thread();
  }
  /// It may yet be to come.
  void on_migrate_in(Task& task, nanoseconds arrived) const {
    const auto at = arrived - start_;
    const user::Lock lock{task.of->mutex};
    task.state = Task::State::under_way;
    task.arrived = arrived;
    task.of->arrived += at >= plan_.after && at < plan_.until;
  }
  void end_round(Task& task) const {
    Class& of = *task.of;
    const auto now = user::now();
    if (now - start_ > plan_.until) return;
    const user::Lock lock{of.mutex};
    task.state = Task::State::over;
    if (task.arrived - start_ < plan_.after) return;
    const auto response = now - task.arrived;
    of.responses.push_back(response);
    of.missed += of.deadline.count() != 0 && response > of.deadline;
  }

  void live(Task& task) const {
    for (const Step& step : task.steps) {
      switch (step.kind) {
        case 'r': turn(step.number * turns_ / 1'000'000); break;
        case 'w': static_cast<void>(user::sleep_for(nanoseconds(step.number))); break;
        case 'y': user::yield(); break;
        case 'l': std::visit([](auto& lock) { lock.lock(); }, *plan_.locks[step.number]); break;
        case 'u': std::visit([](auto& lock) { lock.unlock(); }, *plan_.locks[step.number]); break;
        case 's':
          plan_.channels[step.number]->room.acquire();
          plan_.channels[step.number]->values.release();
          break;
        case 'v':
          plan_.channels[step.number]->values.acquire();
          plan_.channels[step.number]->room.release();
          break;
        case 'n':
          end_round(task);
          on_migrate_in(task, user::now() + nanoseconds(step.number));
          hint(task.number, *task.of, task.arrived);
          if (step.number == 0) {
            user::yield();
          } else {
            static_cast<void>(user::sleep_until(task.arrived));
          }
          break;
        default: break;
      }
    }
    const bool is_closed = !task.steps.empty() && task.steps.back().kind == 'n';
    if (!is_closed) end_round(task);
  }

  Plan& plan_;
  const std::uint32_t policy_;
  const std::uint64_t turns_;
  nanoseconds start_{};
  user::Mutex mutex_;  // of the rest
  std::size_t next_ = 0;
  unsigned asleep_ = 0;
  std::vector<std::unique_ptr<user::Thread>> threads_;
};

void report(const Class& of) {
  auto sorted = of.responses;
  std::ranges::sort(sorted);
  nanoseconds sum{};
  for (const auto response : sorted) sum += response;
  const auto part = [&](std::size_t of_1000) {
    return sorted.empty() ? 0 : sorted[(sorted.size() * of_1000 + 999) / 1000 - 1].count();
  };
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(sorted.size(), 1));
  user::println("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", of.name, of.arrived, sorted.size(), of.missed,
                sum.count() / count, part(500), part(990), part(1000));
  if (of.unbegun != 0) user::println("unbegun\t{}\t{}", of.name, of.unbegun);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments{argc, argv, "workload [-f] PLAN"};
  const int policy = arguments.take("-f") ? abi::sched_fifo : abi::sched_rr;
  Plan plan = PlanReader::read(arguments.words(1, 1).front());
  user::must(user::set_realtime_priority(0, 99), "a real-time priority");
  user::hint_work(0, nanoseconds{1},
                  abi::most_weight);  // before all others, who are to begin alike
  Players players{plan, policy};
  const auto start = players.start(std::chrono::milliseconds{5});
  static_cast<void>(user::sleep_until(start + plan.until));
  players.count_unfinished();
  user::println("start\t{}", start.count());
  for (const auto& each : plan.classes) {
    const user::Lock lock{each->mutex};
    report(*each);
  }
  user::exit(0);  // whatever is still under way
}
