// Explores every interleaving, up to the printed bound: a hart that shares the strand hands over
// from thread to thread. scenario.h describes scenarios.
#include "leaving.h"

using namespace parallel_test;

namespace {

/// Yields in a step that shares the strand, as a thread does. The hart keeps the job's state.
class YieldSharing {
 public:
  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) {
    async::Job& job = async::current_job();
    job.set_leaf(self);
    async::platform::this_hart().keeps = &job;
    const std::coroutine_handle<> next = async::current_executor().hand_over_sharing(job);
    yields_ = next != nullptr;
    return yields_ ? next : self;
  }
  void await_resume() const {
    if (yields_) return;
    async::platform::this_hart().keeps = nullptr;
    stop_sharing();
  }

 private:
  bool yields_ = false;
};

/// A thread whose program yields `times` times.
Task<> yield_in_program(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    if (async::Strand::is_shared()) {
      async::platform::end_sharing();
      async::Strand::leave();
    } else {
      leave();
    }
    linger();
    Sharing{}.keep();
    linger();
    co_await YieldSharing{};
    const async::Job& job = async::current_job();
    check(job.priority == job.base_priority(), "a step has an old priority");
  }
  if (async::Strand::is_shared()) stop_sharing();
}

Task<> be_in_strand() {
  check(async::Strand::is_held(), "a step of the strand is outside it");
  co_return;
}

/// A thread that hands over to others, and a flag for it that a device sets.
struct Flagged {
  async::Job* thread = nullptr;
  async::platform::Atomic<unsigned> flag = 0;
  bool has_looked = false;
  bool was_seen = false;
  // After it set the flag, the setter saw that the thread was running or had looked already.
  bool was_told = false;
};

Task<> see_flag(Flagged& flagged) {
  leave();
  Sharing{}.keep();
  co_await YieldSharing{};
  flagged.was_seen = flagged.flag.load(std::memory_order_relaxed) != 0;
  flagged.has_looked = true;
  if (async::Strand::is_shared()) stop_sharing();
}

/// Sets the flag, and then tests is_running(), as Thread::notice() does. The kernel would now send
/// an IPI to a running thread. Runs as a device, outside the strand, so that the explorer reaches
/// every order of the two accesses with few switches.
void set_flag(Flagged& flagged) {
  flagged.flag.fetch_add(1, std::memory_order_seq_cst);
  flagged.was_told = async::Executor::is_running(*flagged.thread) || flagged.has_looked;
}

Task<> change_priority(async::Job& job) {
  const std::uint8_t before = job.base_priority();
  async::current_executor().set_priority(job, 3);
  co_await async::yield();
  async::current_executor().set_priority(job, before);
}

}  // namespace

TEST_CASE("harts hand over from thread to thread while another hart enters the strand") {
  explore({.name = "handing over", .bound = 3, .weak = {2, 1}, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a", .harts = only(0)});
    run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
    run.spawn(0, be_in_strand(), {.name = "d", .harts = only(0)});
    run.spawn(1, just_yield(2), {.name = "c", .harts = only(1)});
  });
  explore({.name = "handing over beside an idle hart", .bound = 2, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a"});
    run.spawn(0, yield_in_program(2), {.name = "b"});
    run.spawn(0, yield_in_program(1), {.name = "c"});
    run.spawn(1, just_share(1), {.name = "d", .harts = only(1)});
  });
}

TEST_CASE("a job to which a hart hands over has the priority that another hart has given it") {
  explore({.name = "a priority beside handing over", .bound = 2, .shares = true}, [](Run& run) {
    run.spawn(0, yield_in_program(2), {.name = "a", .harts = only(0)});
    async::Job& changed = run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
    run.spawn(1, change_priority(changed), {.name = "changer", .harts = only(1)});
  });
}

TEST_CASE("a step sees a flag after a hand-over, or the setter sees that the step runs") {
  explore({.name = "a flag beside handing over", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& flagged = run.make<Flagged>();
            flagged.thread = &run.spawn(0, see_flag(flagged), {.name = "a", .harts = only(0)});
            run.spawn(0, yield_in_program(2), {.name = "b", .harts = only(0)});
            run.add_device("setter", [&] { set_flag(flagged); });
            run.at_end([&] {
              check(flagged.was_seen || flagged.was_told, "a flag is neither seen nor told");
            });
          });
}
