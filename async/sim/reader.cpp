// Reads workload files: a word at a time, so that whatever is wrong has a line and a column.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "workload.h"

namespace async::sim {
namespace {

struct Word {
  std::string_view text;
  unsigned line;
  unsigned column;
};

/// The words of one line, and the place after the last one.
struct Line {
  std::vector<Word> words;
  std::size_t next = 0;
  unsigned number = 0;
  unsigned end_column = 1;
};

class Reader {
 public:
  Reader(std::string_view text, std::string (*read_file)(const std::string&))
      : text_(text), read_file_(read_file) {}

  Workload read() {
    while (next_line()) read_line();
    if (class_ != nullptr) check_class();
    if (workload_.classes.empty()) fail({"", line_.number + 1, 1}, "there is no class");
    resolve_forks();
    return std::move(workload_);
  }

 private:
  [[noreturn]] static void fail(const Word& at, const std::string& what) {
    throw WorkloadError{at.line, at.column, what};
  }
  [[noreturn]] void fail_here(const std::string& what) {
    fail(line_.next == 0 ? line_.words.front() : line_.words[line_.next - 1], what);
  }

  // ── words ──

  bool next_line() {
    while (!text_.empty()) {
      const std::size_t length = std::min(text_.find('\n'), text_.size());
      std::string_view line = text_.substr(0, length);
      text_.remove_prefix(std::min(length + 1, text_.size()));
      line_ = {.number = line_.number + 1};
      if (const std::size_t comment = line.find('#'); comment != line.npos) {
        if (workload_.summary.empty() && workload_.classes.empty()) {
          const std::size_t begin = line.find_first_not_of("# ", comment);
          if (begin != line.npos) workload_.summary = line.substr(begin);
        }
        line = line.substr(0, comment);
      }
      for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != line.npos;) {
        const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
        line_.words.push_back(
            {line.substr(at, end - at), line_.number, static_cast<unsigned>(at + 1)});
        line_.end_column = static_cast<unsigned>(end + 1);
        at = end;
      }
      if (!line_.words.empty()) return true;
    }
    return false;
  }
  bool has_word() const { return line_.next < line_.words.size(); }
  const Word& word(const char* wanted) {
    if (!has_word())
      fail({"", line_.number, line_.end_column}, std::string(wanted) + " is missing");
    return line_.words[line_.next++];
  }
  bool accept(std::string_view text) {
    if (!has_word() || line_.words[line_.next].text != text) return false;
    ++line_.next;
    return true;
  }

  // ── values ──

  /// A number, and what stands behind it.
  static std::pair<double, std::string_view> split(const Word& word, const char* wanted) {
    double value = 0;
    const char* const end = word.text.data() + word.text.size();
    const auto [rest, error] = std::from_chars(word.text.data(), end, value);
    if (error != std::errc() || !std::isfinite(value) || value < 0) {
      fail(word, std::string(wanted) + " is wanted, not '" + std::string(word.text) + "'");
    }
    return {value, {rest, static_cast<std::size_t>(end - rest)}};
  }
  static std::optional<double> unit(std::string_view name) {
    if (name == "ns") return 1;
    if (name == "us") return 1e3;
    if (name == "ms") return 1e6;
    if (name == "s") return 1e9;
    return std::nullopt;
  }
  double time() {
    const char* const wanted = "a time such as 5ms (ns, us, ms or s)";
    const Word& at = word(wanted);
    const auto [value, name] = split(at, wanted);
    const auto factor = unit(name);
    if (!factor) fail(at, std::string(wanted) + " is wanted, not '" + std::string(at.text) + "'");
    if (value * *factor > 1e15) fail(at, "that is more than eleven days");
    return value * *factor;
  }
  std::uint64_t positive_time() {
    const std::size_t place = line_.next;
    const auto ns = static_cast<std::uint64_t>(time());
    if (ns == 0) fail(line_.words[place], "it has to be longer than 0");
    return ns;
  }
  double number(const char* wanted, double least, double most) {
    const Word& at = word(wanted);
    const auto [value, rest] = split(at, wanted);
    if (!rest.empty() || value < least || value > most) {
      fail(at, std::string(wanted) + " is wanted, not '" + std::string(at.text) + "'");
    }
    return value;
  }
  std::uint32_t whole(const char* wanted, std::uint32_t least, std::uint32_t most) {
    const double value = number(wanted, least, most);
    if (value != std::floor(value)) fail_here(std::string(wanted) + " is wanted");
    return static_cast<std::uint32_t>(value);
  }
  Distribution distribution() {
    using Kind = Distribution::Kind;
    if (accept("exp")) return {.kind = Kind::exponential, .a = time()};
    if (accept("uniform")) {
      const double from = time();
      const double to = time();
      if (to < from) fail_here("the second of the two is the greater one");
      return {.kind = Kind::uniform, .a = from, .b = to};
    }
    if (accept("either")) {
      const double share = number("a share from 0 to 1", 0, 1);
      const double first = time();
      return {.kind = Kind::either, .a = first, .b = time(), .share = share};
    }
    if (accept("pareto")) {
      const double least = time();
      return {.kind = Kind::pareto, .a = least, .b = number("a shape above 1", 1.01, 100)};
    }
    return {.kind = Kind::constant, .a = time()};
  }
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
    if (has_word()) fail(line_.words[line_.next], "the line should end here");
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
  std::string_view text_;
  std::string (*read_file_)(const std::string&);
  Line line_;
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
