#include "director.h"

#include <algorithm>
#include <charconv>

#include "async/policy/list.h"
#include "machine.h"

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
    director.choices_.push_back({taken, 0, taken});
  }
  return director;
}

void Director::begin() {
  next_ = 0;
  over_ = false;
  history_ = History();
  present_ = this;
}

unsigned Director::choose(std::span<const std::uint64_t> who) {
  const auto alternatives = static_cast<unsigned>(who.size());
  if (next_ == choices_.size()) choices_.push_back({beyond(who), alternatives});
  Choice& choice = choices_[next_++];
  choice.alternatives = alternatives;
  // A schedule of another run may name an alternative that does not exist here.
  choice.taken = std::min(choice.taken, alternatives - 1);
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

std::string Director::unfollowed() const {
  if (next_ < choices_.size()) {
    return "the run has only " + std::to_string(next_) + " choices";
  }
  const auto cut =
      std::ranges::find_if(choices_, [](const Choice& each) { return each.asked > each.taken; });
  if (cut == choices_.end()) return "";
  return "choice " + std::to_string(cut - choices_.begin()) + " has only " +
         std::to_string(cut->alternatives) + " alternatives";
}

// ── which ready job ──────────────────────────────────────────────────────────────────────────────

namespace {

template <bool by_priority>
class Directed final : public policy::Rules {
 public:
  static constexpr const char* name = by_priority ? "directed-by-priority" : "directed";
  static constexpr const char* summary = "in the order that an exploration chooses";
  static constexpr unsigned promises = promise_nothing;

  explicit Directed(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity&) noexcept { queue_.push_back(job); }
  void put_back(Job& job, Entity&) noexcept { queue_.push_front(job); }
  Job* pick() noexcept {
    const unsigned most_urgent = top();
    std::vector<Job*> jobs;
    std::vector<std::uint64_t> numbers;
    queue_.for_each([&](Job& job) {
      if (by_priority && job.priority != most_urgent) return false;
      jobs.push_back(&job);
      numbers.push_back(number_of(job));
      return false;
    });
    Director* const director = Director::present();
    Job* const job = jobs[jobs.size() == 1 || director == nullptr ? 0 : director->choose(numbers)];
    job->unlink();
    return job;
  }
  void remove(Job& job, Entity&) noexcept { policy::JobList::remove(job); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }
  bool preempts(const Job& running, const Entity&) noexcept {
    return by_priority && top() < running.priority;
  }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  unsigned top() noexcept {
    unsigned top = priorities;
    queue_.for_each([&top](Job& job) {
      top = std::min<unsigned>(top, job.priority);
      return false;
    });
    return top;
  }
  policy::JobList queue_;
};

static_assert(sizeof(policy::Ruled<policy::InThisWorld<Directed<true>>>) <= sizeof(policy::Memory));
constexpr policy::Kind kinds[] = {policy::kind_of<Directed<false>>,
                                  policy::kind_of<Directed<true>>};

}  // namespace

const policy::Kind& directed_policy(bool by_priority) {
  return kinds[by_priority];
}

const policy::Kind* find_directed(std::string_view name) {
  const auto* const found = std::ranges::find(kinds, name, &policy::Kind::name);
  return found == std::end(kinds) ? nullptr : found;
}

}  // namespace async::sim
