// What the lines of a workload file mean, and what has to fit together.
#include <algorithm>
#include <optional>

#include "words.h"
#include "workload.h"

namespace async::sim {
namespace {

class Reader : Words {
 public:
  Reader(std::string_view text, std::string (*read_file)(const std::string&))
      : Words(text), read_file_(read_file) {}

  Workload read() {
    while (next_line()) read_line();
    if (class_ != nullptr) check_class();
    if (workload_.classes.empty()) fail({"", line().number + 1, 1}, "there is no class");
    resolve_forks();
    workload_.summary = first_comment();
    return std::move(workload_);
  }

 private:
  template <class Named>
  std::uint32_t named(const std::vector<Named>& all, const char* wanted) {
    const Word& at = word(wanted);
    const auto found = std::ranges::find(all, at.text, &Named::name);
    if (found == all.end()) fail(at, "there is no such " + std::string(wanted).substr(2));
    return static_cast<std::uint32_t>(found - all.begin());
  }
  template <class Named>
  std::string new_name(const std::vector<Named>& all) {
    const Word& at = word("a name");
    if (std::ranges::find(all, at.text, &Named::name) != all.end())
      fail(at, "there is one already");
    return std::string(at.text);
  }

  // ── lines ──

  void read_line() {
    const Word& first = word("a word");
    if (first.text == "class") {
      if (class_ != nullptr) check_class();
      workload_.classes.push_back({.name = new_name(workload_.classes)});
      class_ = &workload_.classes.back();
      class_word_ = first;
    } else if (!(class_ != nullptr ? read_of_class(first.text) : read_of_workload(first.text))) {
      fail(first, "'" + std::string(first.text) + "' means nothing here");
    }
    if (has_word()) fail(line().words[line().next], "the line should end here");
  }

  bool read_of_workload(std::string_view what) {
    if (what == "duration") {
      workload_.duration_ns = positive_time();
    } else if (what == "warm-up") {
      workload_.warm_up_ns = static_cast<std::uint64_t>(time());
    } else if (what == "harts") {
      workload_.harts = whole("a number from 1 to 8", 1, 8);
    } else if (what == "lock") {
      std::string name = new_name(workload_.locks);
      workload_.locks.push_back({std::move(name), !accept("no-inheritance")});
    } else if (what == "channel") {
      std::string name = new_name(workload_.channels);
      const std::uint32_t capacity = whole("a capacity from 1 to 1000", 1, 1000);
      workload_.channels.push_back({std::move(name), capacity});
    } else {
      return false;
    }
    return true;
  }

  bool read_of_class(std::string_view what) {
    if (what == "arrive") {
      read_arrival();
    } else if (what == "priority") {
      class_->priority = static_cast<std::uint8_t>(whole("a priority from 0 to 31", 0, 31));
    } else if (what == "weight") {
      class_->weight = whole("a weight from 1 to 1000000", 1, 1'000'000);
    } else if (what == "deadline") {
      class_->deadline_ns = positive_time();
    } else if (what == "reserve") {
      class_->budget_ns = positive_time();
      if (!accept("every")) fail_here("'reserve TIME every TIME' is wanted");
      class_->period_ns = positive_time();
      if (class_->period_ns < class_->budget_ns) {
        fail_here("no period is shorter than what is reserved in it");
      }
    } else if (what == "on") {
      class_->harts = 0;
      while (has_word()) class_->harts |= hart_mask(whole("a hart from 0 to 7", 0, 7));
    } else {
      return read_step(what);
    }
    return true;
  }

  void read_arrival() {
    Arrival& arrival = class_->arrival;
    if (accept("every")) {
      arrival = {.kind = Arrival::Kind::open, .between = distribution(), .has_first = true};
      if (accept("from")) arrival.first_ns = static_cast<std::uint64_t>(time());
      if (arrival.between.a <= 0) fail_here("it has to be longer than 0");
    } else if (accept("poisson")) {
      const Word& at = word("a rate such as 800/s");
      const auto [rate, per] = split(at, "a rate such as 800/s");
      if (per != "/s" || rate <= 0) fail(at, "a rate such as 800/s is wanted");
      arrival = {.kind = Arrival::Kind::open,
                 .between = {.kind = Distribution::Kind::exponential, .a = 1e9 / rate}};
    } else if (accept("closed")) {
      arrival = {.kind = Arrival::Kind::closed, .count = whole("how many", 1, 1'000'000)};
      if (accept("think")) arrival.between = distribution();
    } else if (accept("once")) {
      arrival = {.kind = Arrival::Kind::trace, .times = {0}};
      if (accept("at")) arrival.times = {static_cast<std::uint64_t>(time())};
      if (accept("times")) arrival.times.resize(whole("how many", 1, 1'000'000), arrival.times[0]);
    } else if (accept("trace")) {
      read_trace(arrival);
    } else {
      fail_here("'arrive' is followed by every, poisson, closed, once or trace");
    }
  }

  /// A file of times of arrival, one a line, such as 1.5ms.
  void read_trace(Arrival& arrival) {
    const Word& at = word("a file");
    const std::string text = read_file_ == nullptr ? "" : read_file_(std::string(at.text));
    if (text.empty()) fail(at, "there is no such file, or nothing in it");
    Reader times(text, nullptr);
    arrival = {.kind = Arrival::Kind::trace};
    try {
      while (times.next_line()) arrival.times.push_back(static_cast<std::uint64_t>(times.time()));
    } catch (const WorkloadError& error) {
      fail(at, "its line " + std::to_string(error.line) + ": " + error.what);
    }
  }

  bool read_step(std::string_view what) {
    using Kind = Step::Kind;
    const auto place = static_cast<std::uint32_t>(class_->steps.size());
    Step step{.kind = Kind::run};
    if (what == "run") {
      step.time = distribution();
    } else if (what == "wait") {
      step.kind = Kind::wait;
      step.time = distribution();
    } else if (what == "yield") {
      step.kind = Kind::yield;
    } else if (what == "lock" || what == "unlock") {
      step.kind = what == "lock" ? Kind::lock : Kind::unlock;
      step.object = named(workload_.locks, "a lock");
    } else if (what == "send" || what == "receive") {
      step.kind = what == "send" ? Kind::send : Kind::receive;
      step.object = named(workload_.channels, "a channel");
    } else if (what == "fork") {
      step.kind = Kind::fork;
      step.count = whole("how many", 1, 100'000);
      forks_.push_back({workload_.classes.size() - 1, place, word("a class")});
    } else if (what == "repeat") {
      step.kind = Kind::repeat;
      step.count = whole("how many times", 1, 1'000'000'000);
      open_.push_back(place);
    } else if (what == "end") {
      step.kind = Kind::end;
      if (open_.empty()) fail_here("there is no repeat to end");
      step.match = open_.back();
      class_->steps[open_.back()].match = place;
      open_.pop_back();
    } else {
      return false;
    }
    class_->steps.push_back(step);
    return true;
  }

  // ── what has to fit together ──

  void check_class() {
    const auto fail_class = [this](const std::string& what) {
      fail(class_word_, "class " + class_->name + " " + what);
    };
    if (!open_.empty()) fail_class("has a repeat without an end");
    if (class_->steps.empty()) fail_class("does nothing");
    std::vector<int> held(workload_.locks.size());
    for (const Step& step : class_->steps) {
      if (step.kind == Step::Kind::lock && held[step.object]++ != 0) {
        fail_class("locks " + workload_.locks[step.object].name + " twice");
      }
      if (step.kind == Step::Kind::unlock && held[step.object]-- != 1) {
        fail_class("unlocks " + workload_.locks[step.object].name + ", which it has not locked");
      }
    }
    for (std::size_t lock = 0; lock < held.size(); ++lock) {
      if (held[lock] != 0) fail_class("keeps " + workload_.locks[lock].name + " locked");
    }
  }
  void resolve_forks() {
    for (const auto& [of, step, name] : forks_) {
      const auto found = std::ranges::find(workload_.classes, name.text, &TaskClass::name);
      if (found == workload_.classes.end()) fail(name, "there is no such class");
      const auto target = static_cast<std::uint32_t>(found - workload_.classes.begin());
      if (target <= of) fail(name, "a class forks only classes that come after it");
      workload_.classes[of].steps[step].object = target;
    }
  }

  struct Fork {
    std::size_t of;
    std::uint32_t step;
    Word name;
  };
  std::string (*read_file_)(const std::string&);
  Workload workload_;
  TaskClass* class_ = nullptr;
  Word class_word_{};
  std::vector<std::uint32_t> open_;  // repeats
  std::vector<Fork> forks_;
};

}  // namespace

std::expected<Workload, WorkloadError> read_workload(
    std::string_view text, std::string (*read_file)(const std::string& name)) {
  try {
    return Reader(text, read_file).read();
  } catch (const WorkloadError& error) {
    return std::unexpected(error);
  }
}

}  // namespace async::sim
