// Explores weak memory, up to the printed bound: what one job writes, another one sees. The data is
// plain, so the explorer also fails a run in which nothing orders two accesses. scenario.h
// describes scenarios.
#include "async/leaf_lock.h"
#include "async/spin_lock.h"
#include "leaving.h"

using namespace parallel_test;

namespace {

Task<> add_in_steps(Plain<unsigned>& sum, unsigned steps) {
  for (unsigned i = 0; i < steps; ++i) {
    sum.add(1);
    co_await async::yield();
  }
}

/// In its step the job runs a program in between, outside the strand.
Task<> add_around_program(Plain<unsigned>& sum) {
  sum.add(1);
  leave();
  linger();
  enter();
  sum.add(1);
  co_return;
}

/// In its step the job calls `what` while it shares the strand.
Task<> share(std::function<void()> what) {
  leave();
  {
    const Sharing sharing;
    what();
  }
  enter();
  co_return;
}

/// A sleeper, and data that its waker writes before it wakes it.
struct Mail {
  async::Job* sleeper = nullptr;
  Plain<unsigned> letter = 0;
};

Task<> take_mail(Mail& mail) {
  check(co_await async::park("mail") == WaitResult::woken, "a park ended for another reason");
  check(mail.letter.get() == 1, "the letter is not there");
}

void send(Mail& mail) {
  mail.letter.set(1);
  async::Executor::unpark(*mail.sleeper);
}

Task<> send_from_job(Mail& mail) {
  send(mail);
  co_return;
}

}  // namespace

TEST_CASE("a step sees what the steps before it have written, on any hart") {
  explore({.name = "steps of two harts", .weak = {2, 1}}, [](Run& run) {
    auto& sum = run.make<Plain<unsigned>>();
    run.spawn(0, add_in_steps(sum, 2), {.name = "a", .harts = only(0)});
    run.spawn(1, add_in_steps(sum, 2), {.name = "b", .harts = only(1)});
    run.at_end([&] { check(sum.get() == 4, "an addition is lost"); });
  });
  explore({.name = "steps that leave the strand", .weak = {2, 1}}, [](Run& run) {
    auto& sum = run.make<Plain<unsigned>>();
    run.spawn(0, add_around_program(sum), {.name = "a", .harts = only(0)});
    run.spawn(1, add_around_program(sum), {.name = "b", .harts = only(1)});
    run.at_end([&] { check(sum.get() == 4, "an addition is lost"); });
  });
}

TEST_CASE("a woken job sees what the waker wrote before unpark()") {
  explore({.name = "a letter from a device", .weak = {2, 2}}, [](Run& run) {
    auto& mail = run.make<Mail>();
    mail.sleeper = &run.spawn(0, take_mail(mail), {.name = "sleeper"});
    run.add_device("device", [&] { send(mail); });
  });
  explore({.name = "a letter from a preemptible job", .weak = {2, 1}}, [](Run& run) {
    auto& mail = run.make<Mail>();
    mail.sleeper = &run.spawn(0, take_mail(mail), {.name = "sleeper"});
    run.spawn_preemptible(1, send_from_job(mail), {.name = "sender"});
  });
  explore({.name = "a letter to a preemptible job", .weak = {2, 1}}, [](Run& run) {
    auto& mail = run.make<Mail>();
    mail.sleeper = &run.spawn_preemptible(0, take_mail(mail), {.name = "sleeper"});
    run.spawn(1, send_from_job(mail), {.name = "sender"});
  });
}

TEST_CASE("the task of an interrupt sees what was written before each raise") {
  explore({.name = "two raises", .weak = {2, 1}}, [](Run& run) {
    struct State {
      async::Interrupt interrupt{0};
      Plain<unsigned> first, second;
      unsigned taken = 0;
    };
    auto& state = run.make<State>();
    const auto serve = [](State& state) -> Task<> {
      while (state.taken < 2) {
        (void)co_await state.interrupt.wait();
        state.taken += state.interrupt.taken();
      }
      check(state.first.get() + state.second.get() == 2, "a raise came before its data");
    };
    const auto raise = [](State& state) -> Task<> {
      state.second.set(1);
      state.interrupt.raise();
      co_return;
    };
    run.spawn_preemptible(0, serve(state), {.name = "driver"});
    run.spawn(1, raise(state), {.name = "raiser"});
    run.add_device("device", [&] {
      state.first.set(1);
      state.interrupt.raise();
    });
  });
}

TEST_CASE("a hart that shares the strand sees the steps before, and the steps after see it") {
  explore({.name = "reading while others write", .weak = {2, 1}, .shares = true}, [](Run& run) {
    auto& data = run.make<Plain<unsigned>>();
    const auto read = [&data] {
      (void)data.get();
      linger();
    };
    run.spawn(0, share(read), {.name = "reader", .harts = only(0)});
    run.spawn(1, add_in_steps(data, 2), {.name = "writer", .harts = only(1)});
  });
}

TEST_CASE("what is written under a leaf lock is seen under it") {
  explore({.name = "a leaf lock while both share", .weak = {2, 1}, .shares = true}, [](Run& run) {
    struct State {
      async::LeafLock lock;
      Plain<unsigned> sum = 0;
    };
    auto& state = run.make<State>();
    const auto add = [&state] {
      const async::LeafLock::Guard guard{state.lock};
      state.sum.add(1);
    };
    run.spawn(0, share(add), {.name = "a", .harts = only(0)});
    run.spawn(1, share(add), {.name = "b", .harts = only(1)});
    run.at_end([&] { check(state.sum.get() == 2, "an addition is lost"); });
  });
}

TEST_CASE("what is written under a spin lock is seen under it") {
  explore({.name = "a spin lock of preemptible jobs", .weak = {2, 1}}, [](Run& run) {
    struct State {
      async::SpinLock lock;
      Plain<unsigned> sum = 0;
    };
    auto& state = run.make<State>();
    const auto add = [](State& state) -> Task<> {
      const async::SpinLock::Guard guard{state.lock};
      state.sum.add(1);
      co_return;
    };
    run.spawn_preemptible(0, add(state), {.name = "a"});
    run.spawn_preemptible(1, add(state), {.name = "b"});
    run.at_end([&] { check(state.sum.get() == 2, "an addition is lost"); });
  });
}
