// Explores every interleaving, up to the printed bound: idle harts get jobs of other harts, and
// only one strand step runs at a time. scenario.h describes scenarios.
#include "meeting.h"

using namespace parallel_test;

TEST_CASE("an idle hart steals a job from another hart") {
  explore({.name = "steal from a hart whose job ends", .bound = 3}, [](Run& run) {
    for (const char* name : {"a", "b", "c"}) run.spawn(0, just_yield(0), {.name = name});
  });
  explore({.name = "steal from a hart whose job yields", .bound = 3}, [](Run& run) {
    for (const char* name : {"a", "b"}) run.spawn(0, just_yield(2), {.name = name});
  });
  explore({.name = "steal from a hart whose job ends and leaves it idle", .bound = 3},
          [](Run& run) {
            auto& meeting = run.make<Meeting>();
            run.spawn(0, open_late(meeting, 0), {.name = "opener"});
            run.spawn(0, wait_until_open(meeting), {.name = "a", .priority = 3});
            run.spawn(0, wait_until_open(meeting), {.name = "b"});
          });
}

TEST_CASE("two idle harts and two busy harts lose no job") {
  explore({.name = "three harts steal", .harts = 3, .bound = 2}, [](Run& run) {
    for (const char* name : {"a", "b", "c"}) run.spawn(0, just_yield(1), {.name = name});
    run.spawn(1, just_yield(0), {.name = "d"});
  });
}

TEST_CASE("a hart does not steal a job that may not run there") {
  explore({.name = "steal and affinity", .bound = 3}, [](Run& run) {
    const auto stay = [](unsigned hart) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        check(async::platform::hart() == hart, "it runs where it may not");
        co_await async::yield();
      }
    };
    run.spawn(0, stay(0), {.name = "a", .harts = only(0)});
    run.spawn(0, stay(0), {.name = "b", .harts = only(0)});
    run.spawn(0, just_yield(1), {.name = "c"});
  });
}

TEST_CASE("a job that left the strand and entered it again runs alone in it") {
  explore({.name = "leaving and entering the strand", .bound = 3}, [](Run& run) {
    struct State {
      unsigned inside = 0;
    };
    auto& state = run.make<State>();
    const auto alone = [](State& state) {
      check(++state.inside == 1, "two in the strand");
      linger();
      --state.inside;
    };
    const auto user = [alone](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        alone(state);
        async::platform::leave_strand_step();
        async::Strand::leave();
        linger();
        async::Strand::enter();
        async::platform::enter_strand_step();
        alone(state);
        co_await async::yield();
      }
    };
    const auto kernel = [alone](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        alone(state);
        co_await async::yield();
      }
    };
    run.spawn(0, user(state), {.name = "user a"});
    run.spawn(1, user(state), {.name = "user b"});
    run.spawn(1, kernel(state), {.name = "kernel"});
  });
}

TEST_CASE("a channel between harts passes every value, in order") {
  explore({.name = "channel between harts", .bound = 2}, [](Run& run) {
    auto& channel = run.make<async::Channel<int, 1>>();
    const auto send = [](async::Channel<int, 1>& channel) -> Task<> {
      for (int i = 0; i < 3; ++i) co_await channel.send(i);
      channel.close();
    };
    const auto receive = [](async::Channel<int, 1>& channel) -> Task<> {
      int expected = 0;
      while (const auto value = co_await channel.receive()) {
        check(*value == expected++, "out of order");
      }
      check(expected == 3, "a value is lost");
    };
    run.spawn(0, send(channel), {.name = "sender"});
    run.spawn(1, receive(channel), {.name = "receiver"});
  });
}
