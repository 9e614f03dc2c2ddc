// Policies that break a rule of rules.h: the executor reports the breach, and no job is lost.
#include <catch2/matchers/catch_matchers_string.hpp>

#include "async/policy/heap.h"
#include "async/policy/list.h"
#include "run.h"
#include "support.h"

using namespace policy_test;
using async::Duration;
using async::Entity;
using async::Job;
using async::policy::JobList;

namespace {

enum class Fault {
  none,
  picks_null,
  drops,
  drops_some,
  leaves_in,
  preempts_always,
  slice_of_0,
  slice_below_0,
  nothing_left,
  pops_empty,
  finds_elsewhere,
  finds_and_takes,
  picks_first_again,
};

/// FIFO with one fault.
template <Fault fault>
class Broken final : public async::policy::Rules {
 public:
  static constexpr const char* name = "broken";
  static constexpr const char* summary = "breaks one rule";
  static constexpr unsigned promises = async::promise_nothing;

  explicit Broken(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity&) noexcept {
    const bool drops = fault == Fault::drops || fault == Fault::pops_empty ||
                       (fault == Fault::drops_some && ++enqueued_ >= 8);
    if (!drops) queue_.push_back(job);
  }
  Job* pick() noexcept {
    if (fault == Fault::pops_empty) return queue_.pop_front();
    if (fault == Fault::picks_null || queue_.empty()) return nullptr;
    if (fault == Fault::leaves_in) return &queue_.first();
    if (fault == Fault::picks_first_again && ++picked_ == 4) return last_;
    Job* const next = queue_.pop_front();
    if (fault != Fault::picks_first_again || last_ == nullptr) last_ = next;
    return next;
  }
  void remove(Job& job, Entity&) noexcept { JobList::remove(job); }
  Job* find(Wanted wanted) noexcept {
    Job* const found = fault == Fault::finds_elsewhere ? last_ : queue_.find(wanted);
    if (fault == Fault::finds_and_takes && found != nullptr) JobList::remove(*found);
    return found;
  }
  bool preempts(const Job&, const Entity&) noexcept { return fault == Fault::preempts_always; }
  Duration slice(const Entity&) const noexcept {
    return fault == Fault::slice_of_0      ? 0ns
           : fault == Fault::slice_below_0 ? -5ns
                                           : options().slice;
  }
  Duration left(const Entity&, Duration) const noexcept
    requires(fault == Fault::nothing_left)
  {
    return 0ns;
  }

 private:
  JobList queue_;
  Job* last_ = nullptr;
  unsigned enqueued_ = 0;
  unsigned picked_ = 0;
};

/// The first key runs first, but the fourth pick() takes two jobs and returns one of them.
class TakesTwo final : public async::policy::Rules {
 public:
  static constexpr const char* name = "broken";
  static constexpr const char* summary = "loses a job";
  static constexpr unsigned promises = async::promise_nothing;

  explicit TakesTwo(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job&, Entity& entity) noexcept { queue_.push(entity, ++enqueued_); }
  Job* pick() noexcept {
    if (queue_.empty()) return nullptr;
    if (++picked_ == 4) queue_.pop();
    return queue_.pop();
  }
  void remove(Job&, Entity& entity) noexcept { queue_.remove(entity); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }
  bool preempts(const Job&, const Entity& running) noexcept {
    return queue_.first().key < running.key;
  }

 private:
  async::policy::JobHeap queue_;
  unsigned enqueued_ = 0;
  unsigned picked_ = 0;
};

/// Runs three jobs for each hart, all of which must end. Returns the report of the breach.
template <class Rules>
std::string report_of_rules(unsigned harts) {
  using Policy = async::policy::Ruled<async::policy::InThisWorld<Rules>>;
  static_assert(sizeof(Policy) <= sizeof(async::policy::Memory));
  static constexpr Kind kind = async::policy::kind_of<Rules>;
  Machine machine({.harts = harts, .policy = &kind, .seed = 7});
  std::vector<async::sim::Subject> subjects(3 * harts);
  std::uint64_t ended = 0;
  machine.at(ns(2us), 0, [&] {
    const async::Strand::Guard strand;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      auto handle = async::spawn(machine.executor(0),
                                 [](std::uint64_t& ended) -> Task<> {
                                   for (unsigned round = 0; round < 3; ++round) {
                                     for (Compute left(10ms); !left.done();) co_await left;
                                     co_await async::sleep_for(1ms);
                                   }
                                   ++ended;
                                 }(ended),
                                 {.name = "job", .priority = 16});
      subjects[i].number = i + 1;
      async::Executor::set_attributes(handle.job(), {.owner = &subjects[i]});
      handle.detach();
    }
  });
  machine.run_until(ns(1s));
  machine.wind_down();
  CHECK(ended == subjects.size());
  return machine.trouble();
}

template <Fault fault>
std::string report_of(unsigned harts = 1) {
  return report_of_rules<Broken<fault>>(harts);
}

template <Fault fault>
void simulate(std::string_view workload) {
  static constexpr Kind kind = async::policy::kind_of<Broken<fault>>;
  const auto read = async::sim::read_workload(workload, nullptr);
  REQUIRE(read);
  async::sim::simulate(*read, {.machine = {.policy = &kind}});
}

}  // namespace

TEST_CASE("a policy's breach is reported with the rule, the job, the time and the place") {
  CHECK(report_of<Fault::none>() == "");
  CHECK(report_of<Fault::none>(3) == "");
  CHECK(report_of<Fault::picks_null>() ==
        "policy 'broken' breaks its contract (async/policy/rules.h): pick() returned null while a "
        "job is ready: task 1 of 'job', at 2000 ns on hart 0, seed 7");
  CHECK(report_of<Fault::drops>().contains("pick() returned null while a job is ready"));
  CHECK(report_of<Fault::pops_empty>().contains("pick() returned null while a job is ready"));
  CHECK(report_of<Fault::leaves_in>().contains(
      "pick() returned a job that is not in the queue: task"));
  CHECK(report_of<Fault::preempts_always>().contains(
      "preempts() is true for each job that pick() has just returned: no job runs: task"));
  CHECK(report_of<Fault::slice_of_0>().contains("slice() returned 0: task 1 of 'job', at 2000 ns"));
  CHECK(
      report_of<Fault::slice_below_0>().contains("slice() returned less than 0: task 1 of 'job'"));
  CHECK(report_of<Fault::nothing_left>().contains("left() is 0 for each job that pick() has just"));
  CHECK(report_of<Fault::finds_elsewhere>(2).contains(
      "find() returned a job that is not in the queue"));
  CHECK(report_of<Fault::finds_and_takes>(2).contains(
      "find() removed the job that it returned: task"));
}

TEST_CASE("a job that the policy drops is noticed when no other job is ready") {
  CHECK(report_of<Fault::drops_some>().contains("pick() returned null while a job is ready: task"));
}

TEST_CASE("a job that the policy takes out and does not return is noticed") {
  CHECK(report_of_rules<TakesTwo>(1).contains("pick() returned null while a job is ready: task"));
}

TEST_CASE("a simulation under a policy with a breach has no results") {
  CHECK_THROWS_WITH(simulate<Fault::drops_some>("class a\n  arrive every 10ms\n  run 9ms\n"
                                                "class b\n  arrive closed 1\n  run 1ms\n"),
                    Catch::Matchers::ContainsSubstring("policy 'broken' breaks its contract"));
}

TEST_CASE("a policy that returns an ended job is reported without the job's name") {
  CHECK_THROWS_WITH(
      simulate<Fault::picks_first_again>("class a\n  arrive once\n  run 1ms\n"
                                         "class b\n  arrive once times 2\n  run 90ms\n"),
      Catch::Matchers::ContainsSubstring(
          "pick() returned a job that is not in the queue: an ended task of 'a'"));
}
