// Reads a plan (the format is in async/sim/plan.h).
#pragma once

#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/histogram.h>
#include <user/sync.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arguments.h"

namespace programs {

using user::nanoseconds;

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
  unsigned number;  // from 0 on
  int priority;
  nanoseconds deadline;  // relative to the arrival; 0: none
  std::uint32_t weight;
  nanoseconds budget;  // 0: no reservation
  nanoseconds period;
  unsigned long harts;

  user::Mutex mutex;  // protects the members below
  std::vector<nanoseconds> responses;
  unsigned arrived = 0;
  unsigned missed = 0;
  unsigned unbegun = 0;  // tasks that arrived but had not begun at the end
  /// The times from the end of a sleep until the thread runs (ns): of arrivals, and of the other
  /// sleeps of rounds that have ended.
  user::Histogram<5> wakes;
};

struct Step {
  char kind;
  std::uint64_t number;
};

struct Task {
  std::uint64_t number;  // counted from 1
  Class* of;
  nanoseconds at;
  std::vector<Step> steps;

  enum class State { unbegun, under_way, over };
  // Of the current round, like `arrived`; protected by the class's mutex.
  State state = State::unbegun;
  nanoseconds arrived{};  // arrival of the current round

  /// Of the task's thread: how late it ran after its sleeps, until it adds them to Class::wakes.
  std::vector<nanoseconds> wakes;
};

using PlanLock = std::variant<user::Mutex, user::InheritingMutex>;

struct Plan {
  nanoseconds until{}, after{};
  std::vector<std::unique_ptr<PlanLock>> locks;
  std::vector<std::unique_ptr<Channel>> channels;
  std::vector<std::unique_ptr<Class>> classes;
  std::vector<std::unique_ptr<Task>> tasks;
};

class PlanReader {
 public:
  // Ends the program with an error message if the file is not a valid plan.
  static Plan read(const char* path) {
    const auto text = user::must(user::read_file(path), path);
    PlanReader reader;
    for (std::string_view rest = text; !rest.empty();) {
      reader.line_ = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(reader.line_.size() + 1, rest.size()));
      reader.read_line();
    }
    return std::move(reader.plan_);
  }

 private:
  std::string_view word() {
    line_.remove_prefix(std::min(line_.find_first_not_of(' '), line_.size()));
    const auto word = line_.substr(0, line_.find(' '));
    line_.remove_prefix(word.size());
    return word;
  }
  static std::uint64_t number(std::string_view word) {
    const auto value = programs::number<std::uint64_t>(word);
    if (!value) user::fail("'{}' in the plan is not a number", word);
    return *value;
  }
  std::uint64_t number() { return number(word()); }
  nanoseconds time() { return nanoseconds(number()); }
  void skip(std::string_view expected) {
    if (word() != expected) user::fail("expected '{}' in the plan", expected);
  }

  void read_line() {
    if (line_ == "cotrap-plan 1") return;
    const auto what = word();
    if (what == "until") {
      plan_.until = time();
      skip("after");
      plan_.after = time();
    } else if (what == "locks") {
      read_locks_and_channels();
    } else if (what == "class") {
      read_class();
    } else if (what == "task") {
      read_task();
    } else {
      user::check(what.empty(), "'{}' is not a statement of a plan", what);
    }
  }
  void read_locks_and_channels() {
    for (auto each = word(); each != "channels"; each = word()) {
      user::check(each == "i" || each == "n", "'{}' is not a kind of lock", each);
      plan_.locks.push_back(std::make_unique<PlanLock>());
      if (each == "i") plan_.locks.back()->emplace<user::InheritingMutex>();
    }
    for (auto each = word(); !each.empty(); each = word()) {
      plan_.channels.push_back(std::make_unique<Channel>(static_cast<unsigned>(number(each))));
    }
  }
  void read_class() {
    auto made = std::make_unique<Class>();
    made->name = word();
    made->number = static_cast<unsigned>(plan_.classes.size());
    made->priority = static_cast<int>(number());
    made->deadline = time();
    made->weight = static_cast<std::uint32_t>(number());
    made->budget = time();
    made->period = time();
    made->harts = number();
    plan_.classes.push_back(std::move(made));
  }
  void read_task() {
    auto task = std::make_unique<Task>();
    const auto of = number();
    user::check(of < plan_.classes.size(), "the plan has no class {}", of);
    task->number = plan_.tasks.size() + 1;
    task->of = plan_.classes[of].get();
    task->at = time();
    for (auto each = word(); !each.empty(); each = word()) {
      const Step step{each.front(), each.size() == 1 ? 0 : number(each.substr(1))};
      check_step(step);
      task->steps.push_back(step);
    }
    const auto sleeps = [](const Step& step) { return step.kind == 'w' || step.kind == 'n'; };
    task->wakes.reserve(1 + static_cast<std::size_t>(std::ranges::count_if(task->steps, sleeps)));
    plan_.tasks.push_back(std::move(task));
  }
  void check_step(const Step& step) const {
    const bool is_lock = step.kind == 'l' || step.kind == 'u';
    const bool is_channel = step.kind == 's' || step.kind == 'v';
    user::check(std::string_view{"rwylusvn"}.contains(step.kind), "'{}' is not a step", step.kind);
    user::check(!is_lock || step.number < plan_.locks.size(), "the plan has no lock {}",
                step.number);
    user::check(!is_channel || step.number < plan_.channels.size(), "the plan has no channel {}",
                step.number);
  }

  std::string_view line_;
  Plan plan_;
};

}  // namespace programs
