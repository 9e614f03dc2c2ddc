// workload [-f] PLAN: executes a plan (async/sim/plan.h) with threads. Prints the start time, and
// for each class the response times of its tasks, from arrival to end:
//
//   start <tab> nanoseconds since boot
//   CLASS <tab> arrived <tab> finished <tab> missed <tab> mean <tab> p50 <tab> p99 <tab> longest
//   (ns)
//   unbegun <tab> CLASS <tab> tasks that arrived and had not begun at the end, if any
//   deadlines <tab> CLASS <tab> pieces of work with a deadline <tab> those that missed it, if any.
//   The counts are the kernel's (/proc/deadlines), of work that has ended or is overdue
//   wakes <tab> CLASS <tab> number <tab> p50 <tab> p99 <tab> longest <tab> the numbers of wakes up
//   to 1 µs, 10 µs, 100 µs, 1 ms, 10 ms and above. The times are those from the end of a sleep
//   until the thread runs
//
// Each task is executed by a thread that sleeps until the task's arrival, so the kernel alone
// decides the order of the wakes. A pool of threads sleeps ahead of the arrivals:
//
//   takes the next task ──► sets its parameters ──► sleeps until it arrives ──► executes it ──┐
//        ▲                                               │ few threads asleep: adds a thread  │
//        └────────────────────────────────────────────────────────────── reports its end ◄────┘
//
// 'r' steps run a calibrated loop; 'w' steps sleep. For each task the program sets its thread's
// priority (SCHED_RR, or with -f SCHED_FIFO), its deadline, weight and harts. The priority is the
// class's rank in the plan. After the arrival it requests the task's reservation (SCHED_DEADLINE).
// If the kernel refuses the reservation, the task runs without it.
#include <user/thread.h>

#include "plan.h"

namespace {

using namespace programs;

constexpr int ranks = 6;        // number of real-time levels below the most urgent
constexpr unsigned ahead = 16;  // threads to keep asleep
/// The budget that a thread reserves while it sleeps until its task arrives. After the wake it
/// covers the time until the thread has reserved the task's budget.
constexpr nanoseconds glance{20'000};

void turn(std::uint64_t times) {
  for (; times != 0; --times) asm volatile("");
}

/// The iterations of turn() in one millisecond: the best of five measurements, since interrupts may
/// disturb some.
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

/// Maps a plan's priority to a Linux real-time priority. The kernel maps the priorities 99 … 1 to
/// seven levels. The thread of main() has the most urgent level, with priority 99. Each different
/// priority of the plan, the most urgent first, gets the next level.
int real_time_priority(const Plan& plan, int priority) {
  std::vector<int> all;
  for (const auto& each : plan.classes) all.push_back(each->priority);
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  user::check(all.size() <= ranks, "{} different priorities, but at most {} are possible",
              all.size(), ranks);
  const auto rank = std::ranges::find(all, priority) - all.begin();
  return 99 - static_cast<int>((rank + 1) * 99 + 6) / 7;
}

/// The kernel counts the work of a plan's first classes separately, and that of all others under
/// this class.
constexpr unsigned shared_class = abi::work_classes - 1;

unsigned counted_class(const Class& of) {
  return std::min(of.number, shared_class);
}

/// Executes all tasks, beginning at start().
class Players {
 public:
  /// `policy`: abi::sched_fifo or abi::sched_rr.
  Players(Plan& plan, int policy)
      : plan_{plan},
        policy_{static_cast<std::uint32_t>(policy)},
        turns_{turns_in_a_millisecond()} {}

  /// Starts the plan's time 0 `later` from now; returns that time.
  nanoseconds start(nanoseconds later) {
    start_ = user::now() + later;
    const user::Lock lock{mutex_};
    for (unsigned i = 0; i < ahead; ++i) add_thread();
    return start_;
  }

  /// Called at the end: adds the tasks that did not finish to the counts. A task that has not begun
  /// counts as arrived and as unbegun. Each task whose deadline has passed counts as missed.
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
  /// The caller holds the lock.
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
      static_cast<void>(user::sleep_for(std::chrono::seconds{1}));  // no task is left
    }
  }
  void play(Task& task) {
    const Class& of = *task.of;
    const auto arrival = start_ + task.at;
    static_cast<void>(user::set_affinity(0, of.harts));
    set_priority(of);
    if (of.budget.count() != 0) static_cast<void>(reserve(of, std::min(glance, of.budget)));
    hint(task.number, of, arrival);
    sleep_until(task, arrival);
    note_beginning(task, arrival);
    if (of.budget.count() != 0 && !reserve(of, of.budget)) set_priority(of);
    live(task);
    hint(0, of, task.arrived);  // for traces: the task's work ends here
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
  /// Returns false if the kernel has no bandwidth for the reservation.
  static bool reserve(const Class& of, nanoseconds budget) {
    return user::set_schedule(0, {.policy = abi::sched_deadline,
                                  .runtime = static_cast<std::uint64_t>(budget.count()),
                                  .deadline = static_cast<std::uint64_t>(of.period.count())})
        .has_value();
  }
  static void hint(std::uint64_t number, const Class& of, nanoseconds arrived) {
    const auto due = of.deadline.count() == 0 ? nanoseconds{0} : arrived + of.deadline;
    user::hint_work(number, due, of.weight, counted_class(of));
  }
  /// Sleeps until `end`, and notes how long after it the thread runs. Without a sleep there is
  /// nothing to note: a thread that comes too late does not wait for a wake.
  void sleep_until(Task& task, nanoseconds end) const {
    if (user::now() >= end) return;
    static_cast<void>(user::sleep_until(end));
    if (end - start_ >= plan_.after && end - start_ < plan_.until) {
      task.wakes.push_back(std::max(user::now() - end, nanoseconds{0}));
    }
  }
  /// The caller holds the class's mutex.
  static void record_wakes(Task& task) {
    for (const auto late : task.wakes) {
      task.of->wakes.record(static_cast<std::uint64_t>(late.count()));
    }
    task.wakes.clear();
  }

  void note_beginning(Task& task, nanoseconds arrived) {
    begin_round(task, arrived);
    const user::Lock lock{mutex_};
    if (--asleep_ < ahead / 2 && next_ < plan_.tasks.size()) add_thread();
  }
  /// Begins one repetition of the task's work. `arrived`, the time of its arrival, may lie in the
  /// future.
  void begin_round(Task& task, nanoseconds arrived) const {
    const auto at = arrived - start_;
    const user::Lock lock{task.of->mutex};
    task.state = Task::State::under_way;
    task.arrived = arrived;
    task.of->arrived += at >= plan_.after && at < plan_.until;
    record_wakes(task);
  }
  void end_round(Task& task) const {
    Class& of = *task.of;
    const auto now = user::now();
    if (now - start_ > plan_.until) return;
    const user::Lock lock{of.mutex};
    record_wakes(task);
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
        case 'w': sleep_until(task, user::now() + nanoseconds(step.number)); break;
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
          hint(0, *task.of, task.arrived);  // the same number again would be the same work
          begin_round(task, user::now() + nanoseconds(step.number));
          hint(task.number, *task.of, task.arrived);
          if (step.number == 0) {
            user::yield();
          } else {
            sleep_until(task, task.arrived);
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
  user::Mutex mutex_;  // protects the members below
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

/// The kernel's counts of work, by class.
struct Deadlines {
  std::uint64_t known = 0;   // the pieces that have ended or are overdue
  std::uint64_t missed = 0;  // those of them that missed their deadline
};

std::array<Deadlines, abi::work_classes> read_deadlines() {
  std::array<Deadlines, abi::work_classes> found{};
  const auto text = user::must(user::read_file("/proc/deadlines"), "/proc/deadlines");
  for (std::string_view listed = text; !listed.empty();) {
    const auto line = listed.substr(0, listed.find('\n'));
    listed.remove_prefix(std::min(line.size() + 1, listed.size()));
    std::array<std::uint64_t, 5> numbers{};  // class, ended, missed, under way, overdue
    std::string_view rest = line;
    for (auto& number : numbers) {
      const auto word = rest.substr(0, rest.find('\t'));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      number = programs::number<std::uint64_t>(word).value_or(~std::uint64_t{0});
    }
    const auto [of, ended, missed, under_way, overdue] = numbers;
    if (of < found.size()) found[of] = {ended + overdue, missed + overdue};  // not the heading
  }
  return found;
}

/// Prints the kernel's counts of the class's work since `before`. Nothing if there was none, or if
/// other classes share the counts.
void report_deadlines(const Class& of, const Deadlines& before, const Deadlines& now) {
  if (of.number >= shared_class || now.known == before.known) return;
  user::println("deadlines\t{}\t{}\t{}", of.name, now.known - before.known,
                now.missed - before.missed);
}

void report_wakes(const Class& of) {
  if (of.wakes.total() == 0) return;
  std::array<std::uint64_t, 6> counts{};  // up to 1 µs, 10 µs … 10 ms, and above
  of.wakes.for_each([&](std::uint64_t late, std::uint64_t times) {
    std::size_t place = 0;
    for (std::uint64_t limit = 1000; place < 5 && late > limit; limit *= 10) ++place;
    counts[place] += times;
  });
  const auto& [us, us_10, us_100, ms, ms_10, later] = counts;
  user::println("wakes\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", of.name, of.wakes.total(),
                of.wakes.quantile(0.5), of.wakes.quantile(0.99), of.wakes.max(), us, us_10, us_100,
                ms, ms_10, later);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments{argc, argv, "workload [-f] PLAN"};
  const int policy = arguments.take("-f") ? abi::sched_fifo : abi::sched_rr;
  Plan plan = PlanReader::read(arguments.words(1, 1).front());
  user::must(user::set_realtime_priority(0, 99), "a real-time priority");
  user::hint_work(0, nanoseconds{1},
                  abi::most_weight);  // so that this thread comes before the tasks' threads
  const auto before = read_deadlines();
  Players players{plan, policy};
  const auto start = players.start(std::chrono::milliseconds{5});
  static_cast<void>(user::sleep_until(start + plan.until));
  const auto deadlines = read_deadlines();
  players.count_unfinished();
  user::println("start\t{}", start.count());
  for (const auto& each : plan.classes) {
    const user::Lock lock{each->mutex};
    report(*each);
    const unsigned counted = counted_class(*each);
    report_deadlines(*each, before[counted], deadlines[counted]);
    report_wakes(*each);
  }
  user::exit(0);  // ends the threads that still run
}
