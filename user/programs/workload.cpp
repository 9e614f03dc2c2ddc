// workload PLAN: does what a plan says (async/sim/plan.h), each task in a thread, and prints for
// each class how long its tasks took from their arrival to their end:
//
//   CLASS <tab> arrived <tab> finished <tab> missed <tab> mean <tab> p50 <tab> p99 <tab> longest
//   (ns)
//
// Computing is a loop that was timed; waiting is sleeping. Urgent tasks are SCHED_RR, by the rank
// of their priorities among those there are; the one that begins them is before all others.
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"

namespace {

using user::nanoseconds;

constexpr int ranks = 6;  // of real-time levels below the first

class Semaphore {
 public:
  explicit Semaphore(unsigned permits) : permits_{permits} {}
  void acquire() {
    const user::Lock lock{mutex_};
    changed_.wait(mutex_, [this] { return permits_ != 0; });
    --permits_;
  }
  void release() {
    const user::Lock lock{mutex_};
    ++permits_;
    changed_.notify_one();
  }

 private:
  user::Mutex mutex_;
  user::Condition changed_;
  unsigned permits_;
};

struct Channel {
  explicit Channel(unsigned capacity) : room{capacity} {}
  Semaphore room;
  Semaphore values{0};
};

struct Class {
  std::string name;
  int priority;
  nanoseconds deadline;
  user::Mutex mutex;  // of the rest
  std::vector<nanoseconds> responses;
  unsigned arrived = 0;
  unsigned missed = 0;
};

struct Step {
  char kind;
  std::uint64_t number;
};

struct Task {
  Class* of;
  nanoseconds at;
  std::vector<Step> steps;
};

struct Plan {
  nanoseconds until{}, after{};
  std::vector<std::unique_ptr<user::Mutex>> locks;
  std::vector<std::unique_ptr<Channel>> channels;
  std::vector<std::unique_ptr<Class>> classes;
  std::vector<std::unique_ptr<Task>> tasks;
};

// ── the file ──

class Words {
 public:
  explicit Words(std::string_view line) : rest_{line} {}
  std::string_view next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const auto word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return word;
  }
  std::uint64_t number(std::string_view word) {
    const auto value = programs::number<std::uint64_t>(word);
    if (!value) user::fail("'{}' in the plan is not a number", word);
    return *value;
  }
  std::uint64_t number() { return number(next()); }
  void skip(std::string_view word) {
    if (next() != word) user::fail("'{}' is missing in the plan", word);
  }

 private:
  std::string_view rest_;
};

void check_step(const Plan& plan, const Step& step) {
  const bool is_lock = step.kind == 'l' || step.kind == 'u';
  const bool is_channel = step.kind == 's' || step.kind == 'v';
  user::check(std::string_view{"rwylusvn"}.contains(step.kind), "no step is '{}'", step.kind);
  user::check(!is_lock || step.number < plan.locks.size(), "no lock {}", step.number);
  user::check(!is_channel || step.number < plan.channels.size(), "no channel {}", step.number);
}

void read_line(Plan& plan, std::string_view line) {
  Words words{line};
  const auto what = words.next();
  if (what == "until") {
    plan.until = nanoseconds(words.number());
    words.skip("after");
    plan.after = nanoseconds(words.number());
  } else if (what == "locks") {
    for (auto left = words.number(); left != 0; --left) {
      plan.locks.push_back(std::make_unique<user::Mutex>());
    }
    words.skip("channels");
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      const auto capacity = static_cast<unsigned>(words.number(word));
      plan.channels.push_back(std::make_unique<Channel>(capacity));
    }
  } else if (what == "class") {
    auto made = std::make_unique<Class>();
    made->name = words.next();
    made->priority = static_cast<int>(words.number());
    made->deadline = nanoseconds(words.number());
    plan.classes.push_back(std::move(made));
  } else if (what == "task") {
    auto task = std::make_unique<Task>();
    const auto of = words.number();
    user::check(of < plan.classes.size(), "no class {}", of);
    task->of = plan.classes[of].get();
    task->at = nanoseconds(words.number());
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      Step step{word.front(), word.size() == 1 ? 0 : words.number(word.substr(1))};
      check_step(plan, step);
      task->steps.push_back(step);
    }
    plan.tasks.push_back(std::move(task));
  } else {
    user::check(line.empty() || line == "cotrap-plan 1", "'{}' means nothing in a plan", what);
  }
}

Plan read_plan(const char* path) {
  const auto text = user::must(user::read_file(path), path);
  Plan plan;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    read_line(plan, line);
  }
  return plan;
}

// ── tasks ──

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

void end_round(const Plan& plan, Class& of, nanoseconds start, nanoseconds arrived) {
  if (arrived - start < plan.after) return;
  const auto response = user::now() - arrived;
  const user::Lock lock{of.mutex};
  of.responses.push_back(response);
  of.missed += of.deadline.count() != 0 && response > of.deadline;
}

void live(Plan& plan, Task& task, nanoseconds start, std::uint64_t turns) {
  auto arrived = start + task.at;
  for (const Step& step : task.steps) {
    switch (step.kind) {
      case 'r': turn(step.number * turns / 1'000'000); break;
      case 'w': static_cast<void>(user::sleep_for(nanoseconds(step.number))); break;
      case 'y': user::yield(); break;
      case 'l': plan.locks[step.number]->lock(); break;
      case 'u': plan.locks[step.number]->unlock(); break;
      case 's':
        plan.channels[step.number]->room.acquire();
        plan.channels[step.number]->values.release();
        break;
      case 'v':
        plan.channels[step.number]->values.acquire();
        plan.channels[step.number]->room.release();
        break;
      case 'n':
        end_round(plan, *task.of, start, arrived);
        static_cast<void>(user::sleep_for(nanoseconds(step.number)));
        arrived = user::now();
        if (arrived - start >= plan.after) ++task.of->arrived;
        break;
      default: break;
    }
  }
  const bool is_closed = !task.steps.empty() && task.steps.back().kind == 'n';
  if (!is_closed) end_round(plan, *task.of, start, arrived);
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

/// Does one task after another. A thread that ends waits until nothing computes, so none does.
class Worker {
 public:
  Worker(Plan& plan, nanoseconds start, std::uint64_t turns)
      : thread_{[this, &plan, start, turns] {
          static_cast<void>(user::set_affinity(0, ~0ul));
          for (;;) {
            task_given_.acquire();
            live(plan, *task_, start, turns);
            is_free_ = true;
          }
        }} {}
  bool is_free() const { return is_free_; }
  void begin(Task& task, int priority) {
    const abi::SchedParam urgency{priority};
    user::must(user::call(user::Call::sched_setscheduler, thread_.id(), abi::sched_rr, &urgency),
               "a real-time priority");
    is_free_ = false;
    task_ = &task;
    task_given_.release();
  }

 private:
  std::atomic<bool> is_free_ = true;
  Task* task_ = nullptr;
  Semaphore task_given_{0};
  user::Thread thread_;  // goes last: it uses the rest
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
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "workload PLAN"};
  Plan plan = read_plan(arguments.words(1, 1).front());
  user::must(user::set_realtime_priority(0, 99), "a real-time priority");
  const auto turns = turns_in_a_millisecond();
  std::vector<std::unique_ptr<Worker>> workers;
  const auto start = user::now() + std::chrono::milliseconds{1};
  for (const auto& task : plan.tasks) {
    static_cast<void>(user::sleep_until(start + task->at));
    if (task->at >= plan.after) ++task->of->arrived;
    auto worker = std::ranges::find_if(workers, [](const auto& each) { return each->is_free(); });
    if (worker == workers.end()) {
      worker = workers.insert(worker, std::make_unique<Worker>(plan, start, turns));
    }
    (*worker)->begin(*task, real_time_priority(plan, task->of->priority));
  }
  static_cast<void>(user::sleep_until(start + plan.until));
  for (const auto& each : plan.classes) {
    const user::Lock lock{each->mutex};
    report(*each);
  }
  user::exit(0);  // whatever is still under way
}
