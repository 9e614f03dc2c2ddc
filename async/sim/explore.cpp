#include "explore.h"

#include <charconv>
#include <numeric>

#include "async/graph.h"

namespace async::sim {

std::expected<Director, std::string> Director::of(std::string_view schedule) {
  Director director;
  const std::string whole(schedule);
  while (!schedule.empty()) {
    const std::string_view word = schedule.substr(0, schedule.find(','));
    schedule.remove_prefix(std::min(schedule.size(), word.size() + 1));
    const char* const end = word.data() + word.size();
    std::size_t place = 0;
    unsigned taken = 0;
    const auto [colon, error] = std::from_chars(word.data(), end, place);
    const bool has_colon = error == std::errc() && colon != end && *colon == ':';
    const auto rest = has_colon ? std::from_chars(colon + 1, end, taken)
                                : std::from_chars_result{end, std::errc::invalid_argument};
    if (rest.ec != std::errc() || rest.ptr != end || place < director.choices_.size() ||
        place > 10'000'000) {
      return std::unexpected("'" + whole + "' is not a schedule such as 17:1,40:2");
    }
    director.choices_.resize(place, {0, 0});
    director.choices_.push_back({taken, 0});
  }
  return director;
}

unsigned Director::choose(unsigned ready) {
  if (next_ == choices_.size()) choices_.push_back({0, ready});
  Choice& choice = choices_[next_++];
  choice.alternatives = ready;
  choice.taken = std::min(choice.taken, ready - 1);  // of another program's schedule, perhaps
  return choice.taken;
}

std::string Director::schedule() const {
  std::string text;
  for (std::size_t place = 0; place < next_; ++place) {
    if (choices_[place].taken == 0) continue;
    if (!text.empty()) text += ",";
    text += std::to_string(place) + ":" + std::to_string(choices_[place].taken);
  }
  return text;
}

Job* Directed::pick() noexcept {
  const unsigned ready = size() + 1;  // the one that is taken is not counted any more
  unsigned pass = ready == 1 || director_ == nullptr ? 0 : director_->choose(ready);
  Job* const job = queue_.for_each([&pass](Job&) { return pass-- == 0; });
  job->unlink();
  return job;
}

const policy::Kind& directed() {
  static_assert(sizeof(Directed) <= policy::All::most_bytes);
  static constexpr policy::Kind kind = {
      "directed", "as a director says", promise_nothing,
      [](void* memory, const Policy::Options& options) noexcept -> Policy* {
        return std::construct_at(static_cast<Directed*>(memory), options);
      }};
  return kind;
}

// ── exploring ────────────────────────────────────────────────────────────────────────────────────

Exploration Exploration::of(unsigned bound, std::uint64_t most,
                            const std::function<std::string()>& run) {
  Exploration all;
  for (unsigned at = 0; at <= bound; ++at) {
    all.bound = at;
    if (!all.all_of(at, most, run) || all.is_whole) break;
  }
  return all;
}

/// Schedules that pass over at most `bound` jobs. False: that is all that is to be tried.
bool Exploration::all_of(unsigned bound, std::uint64_t most,
                         const std::function<std::string()>& run) {
  Director director;
  bool left_out = false;
  do {
    if (schedules == most) return false;
    director.next_ = 0;
    Directed::set_director(&director);
    std::string wrong = run();
    Directed::set_director(nullptr);
    director.choices_.resize(director.next_);  // a run may be shorter than the one before
    ++schedules;
    if (!wrong.empty()) {
      failure = std::move(wrong);
      schedule = director.schedule();
      return false;
    }
  } while (next(director, bound, left_out));
  is_whole = !left_out;
  return true;
}

bool Exploration::next(Director& director, unsigned bound, bool& left_out) {
  auto& choices = director.choices_;
  unsigned used = std::accumulate(choices.begin(), choices.end(), 0u,
                                  [](unsigned sum, const auto& each) { return sum + each.taken; });
  while (!choices.empty()) {
    auto& last = choices.back();
    if (last.taken + 1 < last.alternatives) {
      if (used < bound) {
        ++last.taken;
        return true;
      }
      left_out = true;
    }
    used -= last.taken;
    choices.pop_back();
  }
  return false;
}

std::string stuck_jobs() {
  std::string text;
  for_each_job(
      [](void* text, const Job& job) {
        print_job(
            job,
            [](void* text, std::string_view piece) { *static_cast<std::string*>(text) += piece; },
            text);
      },
      &text);
  return text;
}

}  // namespace async::sim
