// Parses workload files, and checks that their statements fit together.
#include <algorithm>
#include <optional>

#include "words.h"
#include "workload.h"

namespace async::sim {
namespace {

class Reader : Words {
 public:
  Reader(std::string_view text, ReadFile read_file) : Words(text), read_file_(read_file) {}

  Workload read() {
    while (next_line()) read_line();
    if (class_ != nullptr) end_class();
    if (workload_.classes.empty()) fail({"", line().number + 1, 1}, "the file has no class");
    resolve_forks();
    workload_.summary = first_comment();
    return std::move(workload_);
  }

 private:
  template <class Named>
  std::uint32_t named(const std::vector<Named>& all, const char* wanted) {
    const Word& at = word(wanted);
    const auto found = std::ranges::find(all, at.text, &Named::name);
    if (found == all.end()) fail(at, "no such " + std::string(wanted).substr(2));
    return static_cast<std::uint32_t>(found - all.begin());
  }
  template <class Named>
  std::string new_name(const std::vector<Named>& all) {
    const Word& at = word("a name");
    if (std::ranges::find(all, at.text, &Named::name) != all.end())
      fail(at, "this name is already used");
    return std::string(at.text);
  }

  // ── lines ──

  void read_line() {
    const Word& first = word("a statement");
    if (first.text == "class") {
      if (class_ != nullptr) end_class();
      begin_class(first);
    } else if (!(class_ != nullptr ? read_of_class(first.text) : read_of_workload(first.text))) {
      fail(first, "'" + std::string(first.text) + "' is not a statement here");
    }
    end_line();
  }
  void end_line() {
    if (has_word()) fail(line().words[line().next], "the line should end here");
  }

  void begin_class(const Word& at) {
    workload_.classes.push_back({.name = new_name(workload_.classes), .place = place_of(at)});
    class_ = &workload_.classes.back();
    said_.clear();
    held_.assign(workload_.locks.size(), std::nullopt);
    step_words_.clear();
  }
  static Place place_of(const Word& word) { return {word.line, word.column}; }
  /// Fails if the line's statement was given before: in the same class or, if the line is before
  /// the first class, in the file.
  void only_once() {
    const Word& at = line().words.front();
    if (std::ranges::find(said_, at.text) != said_.end()) {
      fail(at, "'" + std::string(at.text) + "' is given twice");
    }
    said_.push_back(at.text);
  }

  bool read_of_workload(std::string_view what) {
    if (what == "duration" || what == "warm-up" || what == "harts") only_once();
    if (what == "duration") {
      workload_.duration_ns = positive_time();
    } else if (what == "warm-up") {
      workload_.warm_up_place = place_of(line().words.front());
      workload_.warm_up_ns = static_cast<std::uint64_t>(time());
    } else if (what == "harts") {
      workload_.harts = whole("a number from 1 to 1024", 1, most_harts);
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
    static constexpr std::string_view once[] = {"arrive",   "priority", "weight",
                                                "deadline", "reserve",  "on"};
    if (std::ranges::find(once, what) != std::end(once)) only_once();
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
      if (!accept("every")) fail_here("expected 'reserve TIME every TIME'");
      class_->period_ns = positive_time();
      if (class_->period_ns < class_->budget_ns) {
        fail_here("the period must not be shorter than the time reserved in it");
      }
    } else if (what == "on") {
      class_->harts = 0;
      class_->harts_place = place_of(line().words.front());
      while (has_word())
        class_->harts |= hart_mask(whole("a hart from 0 to 1023", 0, most_harts - 1));
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
      if (arrival.between.a < 1 || arrival.between.mean() < 1) {
        fail_here("arrivals must be at least 1 ns apart");
      }
    } else if (accept("poisson")) {
      const Word& at = word("a rate such as 800/s");
      const auto [rate, per] = split(at, "a rate such as 800/s");
      if (per != "/s" || rate <= 0) fail(at, "expected a rate such as 800/s");
      if (rate > 1e9) fail(at, "arrivals must be at least 1 ns apart");
      arrival = {.kind = Arrival::Kind::open,
                 .between = {.kind = Distribution::Kind::exponential, .a = 1e9 / rate}};
    } else if (accept("closed")) {
      arrival = {.kind = Arrival::Kind::closed,
                 .count = whole("a count from 1 to 1000000", 1, 1'000'000)};
      if (accept("think")) arrival.between = distribution();
    } else if (accept("once")) {
      arrival = {.kind = Arrival::Kind::trace, .times = {0}};
      if (accept("at")) arrival.times = {static_cast<std::uint64_t>(time())};
      if (accept("times"))
        arrival.times.resize(whole("a count from 1 to 1000000", 1, 1'000'000), arrival.times[0]);
    } else if (accept("trace")) {
      read_trace(arrival);
    } else {
      fail_here("expected every, poisson, closed, once or trace after 'arrive'");
    }
  }

  /// Reads a file of arrival times, one a line, such as 1.5ms. No time is before the one above it.
  void read_trace(Arrival& arrival) {
    const Word& at = word("a file");
    if (read_file_ == nullptr) fail(at, "a trace file cannot be read here");
    const auto text = read_file_(std::string(at.text));
    if (!text) fail(at, text.error());
    if (text->empty()) fail(at, "the file is empty");
    Reader times(*text, nullptr);
    arrival = {.kind = Arrival::Kind::trace};
    try {
      while (times.next_line()) {
        const auto ns = static_cast<std::uint64_t>(times.time());
        times.end_line();
        if (!arrival.times.empty() && ns < arrival.times.back()) {
          fail(times.line().words.front(), "this time is before the one above it");
        }
        arrival.times.push_back(ns);
      }
    } catch (const WorkloadError& error) {
      fail(at, "line " + std::to_string(error.line) + " of it: " + error.what);
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
      change_lock(step);
    } else if (what == "send" || what == "receive") {
      step.kind = what == "send" ? Kind::send : Kind::receive;
      step.object = named(workload_.channels, "a channel");
    } else if (what == "fork") {
      step.kind = Kind::fork;
      step.count = whole("a count from 1 to 100000", 1, 100'000);
      forks_.push_back({workload_.classes.size() - 1, place, word("a class")});
    } else if (what == "repeat") {
      step.kind = Kind::repeat;
      step.count = whole("a count from 1 to 1000000000", 1, 1'000'000'000);
      if (open_.size() == most_nested) fail_here("at most 64 repeats may be nested");
      open_.push_back({place, held_});
    } else if (what == "end") {
      step.kind = Kind::end;
      if (open_.empty()) fail_here("'end' without 'repeat'");
      end_repeat(step, place);
    } else {
      return false;
    }
    class_->steps.push_back(step);
    step_words_.push_back(line().words.front());
    return true;
  }

  // ── checks ──

  [[noreturn]] void fail_class(const Word& at, const std::string& what) const {
    fail(at, "class " + class_->name + " " + what);
  }
  Word class_word() const { return {"class", class_->place.line, class_->place.column}; }

  void change_lock(const Step& step) {
    const Word& at = line().words.front();
    const std::string& name = workload_.locks[step.object].name;
    const bool is_lock = step.kind == Step::Kind::lock;
    std::optional<Word>& held = held_[step.object];
    if (is_lock && held) fail_class(at, "locks " + name + " twice");
    if (!is_lock && !held) fail_class(at, "unlocks " + name + ", which it has not locked");
    held = is_lock ? std::optional(at) : std::nullopt;
  }
  void end_repeat(Step& end, std::uint32_t place) {
    const auto& [begin, held_before] = open_.back();
    end.match = begin;
    Step& repeat = class_->steps[begin];
    repeat.match = place;
    if (begin + 1 == place) fail(step_words_[begin], "this repeat has no steps");
    for (std::size_t lock = 0; lock < held_.size() && repeat.count > 1; ++lock) {
      if (held_[lock].has_value() == held_before[lock].has_value()) continue;
      const std::string& name = workload_.locks[lock].name;
      if (held_[lock])
        fail_class(*held_[lock], "locks " + name + " again in the repeat's next pass");
      for (std::uint32_t step = place; step-- != begin;) {
        const bool is_it = class_->steps[step].object == lock;
        if (class_->steps[step].kind != Step::Kind::unlock || !is_it) continue;
        fail_class(step_words_[step], "unlocks " + name + " again in the repeat's next pass");
      }
    }
    open_.pop_back();
  }
  void end_class() {
    if (!open_.empty()) fail_class(class_word(), "has a repeat without an end");
    if (class_->steps.empty()) fail_class(class_word(), "has no steps");
    for (std::size_t lock = 0; lock < held_.size(); ++lock) {
      if (held_[lock]) fail_class(*held_[lock], "keeps " + workload_.locks[lock].name + " locked");
    }
  }
  void resolve_forks() {
    for (const auto& [of, step, name] : forks_) {
      const auto found = std::ranges::find(workload_.classes, name.text, &TaskClass::name);
      if (found == workload_.classes.end()) fail(name, "no such class");
      const auto target = static_cast<std::uint32_t>(found - workload_.classes.begin());
      if (target <= of) fail(name, "a class may fork only classes that come after it");
      workload_.classes[of].steps[step].object = target;
    }
  }

  struct Fork {
    std::size_t of;
    std::uint32_t step;
    Word name;
  };
  struct Repeat {
    std::uint32_t place;
    std::vector<std::optional<Word>> held;  // held_ at the begin of the repeat
  };
  static constexpr std::size_t most_nested = 64;
  static constexpr unsigned most_harts = platform::max_harts;
  static_assert(most_harts == 1024);  // the messages contain this number

  ReadFile read_file_;
  Workload workload_;
  TaskClass* class_ = nullptr;
  std::vector<std::string_view> said_;  // the once-only statements that have come
  // About the task class that is being read:
  std::vector<Repeat> open_;
  std::vector<Word> step_words_;  // the first word of each step
  // By lock: where the steps that are read so far take it; null: they do not hold it.
  std::vector<std::optional<Word>> held_;
  std::vector<Fork> forks_;
};

}  // namespace

std::expected<Workload, WorkloadError> read_workload(std::string_view text, ReadFile read_file) {
  try {
    return Reader(text, read_file).read();
  } catch (const WorkloadError& error) {
    return std::unexpected(error);
  }
}

}  // namespace async::sim
