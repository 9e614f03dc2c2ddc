#include "explore.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "distribution.h"

namespace async::sim {
namespace {

using Choices = std::vector<Director::Choice>;

unsigned passed_over(const Choices& choices) {
  return std::accumulate(choices.begin(), choices.end(), 0u,
                         [](unsigned sum, const auto& each) { return sum + each.taken; });
}

class DepthFirst final : public Director {
 public:
  DepthFirst(unsigned bound, bool reduces) : bound_(bound), reduces_(reduces) {}

  /// Moves to the next schedule; false: there is none.
  bool next() {
    choices().resize(chosen());  // a run may be shorter than the one before
    unsigned used = passed_over(choices());
    while (!choices().empty()) {
      Choice& last = choices().back();
      if (last.taken + 1 < last.alternatives) {
        if (used < bound_) {
          ++last.taken;
          return true;
        }
        left_out_ = true;
      }
      used -= last.taken;
      choices().pop_back();
    }
    return false;
  }
  bool has_left_out() const { return left_out_; }

 protected:
  unsigned beyond(std::span<const std::uint64_t> who) override {
    if (!reduces_) return 0;
    // The smallest number tells a choice among jobs from a choice among events, because jobs and
    // events have different numbers.
    const std::uint64_t state = history().state() * 31 + *std::ranges::min_element(who);
    const unsigned used = passed_over(choices());
    const auto [seen, is_new] = seen_.try_emplace(state, used);
    if (!is_new && seen->second <= used) give_up_run();
    seen->second = std::min(seen->second, used);
    return 0;
  }

 private:
  unsigned bound_;
  bool reduces_;
  bool left_out_ = false;
  std::unordered_map<std::uint64_t, unsigned> seen_;  // by state: fewest alternatives passed over
};

class AtRandom final : public Director {
 public:
  /// `length`: about how many choices a run has.
  AtRandom(unsigned depth, std::uint64_t length, std::uint64_t seed) : random_(seed, 1) {
    for (unsigned i = 1; i < depth; ++i) falls_.push_back(random_.next() % std::max(length, 1ul));
  }
  std::size_t length() const { return chosen(); }

 protected:
  unsigned beyond(std::span<const std::uint64_t> who) override {
    unsigned best = highest(who);
    const auto fall = std::ranges::find(falls_, chosen());
    if (fall != falls_.end()) {
      priorities_[who[best]] = static_cast<std::uint64_t>(fall - falls_.begin());
      best = highest(who);
    }
    return best;
  }

 private:
  unsigned highest(std::span<const std::uint64_t> who) {
    const auto priority = [this](std::uint64_t number) {
      const auto [found, is_new] = priorities_.try_emplace(number);
      if (is_new) found->second = random_.next() | 1ull << 63;  // above all priorities after falls
      return found->second;
    };
    return static_cast<unsigned>(std::ranges::max_element(who, {}, priority) - who.begin());
  }
  Random random_;
  std::vector<std::uint64_t>
      falls_;  // numbers of the choices at which the first task gets the lowest priority
  // Priority of each task or interrupt, by its number. The one with the highest runs first.
  std::map<std::uint64_t, std::uint64_t> priorities_;
};

std::string run_once(Director& director, const Exploration::Run& run) {
  director.begin();
  std::string wrong = run();
  Director::end();
  return director.is_over() ? std::string() : wrong;
}

}  // namespace

std::string run_under(std::string_view schedule, const Exploration::Run& run) {
  auto director = Director::of(schedule);
  return director ? run_once(*director, run) : director.error();
}

Exploration Exploration::depth_first(const Options& options, const Run& run) {
  Exploration all;
  for (; all.bound <= options.bound; ++all.bound) {
    if (!all.try_bound(options, run) || all.is_whole || all.bound == options.bound) break;
  }
  if (!all.failure.empty()) all.shrink(run);
  return all;
}

/// Tries the schedules that pass over at most `bound` alternatives. False: one failed, or `most`
/// have been tried.
bool Exploration::try_bound(const Options& options, const Run& run) {
  DepthFirst director(bound, options.reduces);
  do {
    if (schedules == options.most) return false;
    failure = run_once(director, run);
    ++schedules;
    left += director.is_over();
    if (!failure.empty()) {
      schedule = director.schedule();
      return false;
    }
  } while (director.next());
  is_whole = !director.has_left_out();
  return true;
}

Exploration Exploration::at_random(const RandomOptions& options, const Run& run) {
  Exploration all;
  all.bound = options.depth;
  for (all.seed = options.seed;; ++all.seed) {
    if (options.begin_seed) options.begin_seed(all.seed);
    std::size_t length = 0;  // how many choices the first run makes; no priority falls in it
    for (unsigned depth = 1;; depth = options.depth) {
      if (all.schedules == options.most) return all;
      AtRandom director(depth, length, all.seed);
      all.failure = run_once(director, run);
      ++all.schedules;
      length = director.length();
      if (!all.failure.empty()) {
        all.schedule = director.schedule();
        all.shrink(run);
        return all;
      }
      if (depth == options.depth) break;
    }
  }
}

/// Replaces one choice after another, from the last on, by 0 or 1, if the schedule still fails.
/// Repeats this until no choice changes.
void Exploration::shrink(const Run& run) {
  struct Passed {
    std::size_t place;
    unsigned taken;
  };
  const auto written = [](const std::vector<Passed>& all) {
    std::string text;
    for (const Passed& each : all) {
      if (each.taken == 0) continue;
      text +=
          (text.empty() ? "" : ",") + std::to_string(each.place) + ":" + std::to_string(each.taken);
    }
    return text;
  };
  for (bool again = true; again;) {
    again = false;
    std::vector<Passed> all;
    for (const char* at = schedule.c_str(); *at != '\0'; at += *at == ',') {
      char* end = nullptr;
      const std::size_t place = std::strtoul(at, &end, 10);
      all.push_back({place, static_cast<unsigned>(std::strtoul(end + 1, &end, 10))});
      at = end;
    }
    for (std::size_t i = all.size(); i-- != 0;) {
      for (unsigned less = 0; less < std::min(all[i].taken, 2u); ++less) {
        auto fewer = all;
        fewer[i].taken = less;
        std::string wrong = run_under(written(fewer), run);
        if (wrong.empty()) continue;
        all = std::move(fewer);
        failure = std::move(wrong);
        again = true;
        break;
      }
    }
    schedule = written(all);
  }
}

}  // namespace async::sim
