// Notifications: in the middle of steps, between steps, asleep, and too late.
#include "upcalls.h"

namespace upcalls {
namespace {

std::atomic<std::uint64_t> handled = 0;
void handle(std::uint64_t bits) {
  handled |= bits;
}

constexpr std::uint64_t first_of_two = 1;
void handle_and_send(std::uint64_t bits) {
  handled |= bits;
  if ((bits & first_of_two) != 0) must(notify(thread_id(), 2), "from the handler");
}

// However often notifications interrupt a computation, its result is right. A busy host may let the
// last sender begin late, so the computation ends only when all senders have interrupted it.
Task<> compute_in_storm() {
  constexpr std::uint64_t enough = 200, all = 7;
  std::atomic<bool> over = false;
  const Pid self = thread_id();
  std::vector<Thread> senders;
  for (int who = 0; who < 3; ++who) {
    senders.emplace_back([&, who] {
      while (!over) {
        must(notify(self, 1u << who), "notify");
        must(sleep_for(50us), "sleeping");
      }
    });
  }
  while (upcall_counts().interruptions < enough || (handled & all) != all) {
    std::uint64_t a = 1, b = 2, c = 3;
    double x = 1, y = 2;
    for (int i = 0; i < 20'000; ++i) {
      a = a * 3 - 2, b = b * 5 - 8, c = c * 7 - 18;
      x = x * 3.5 - 2.5, y = y * 1.5 - 1;
    }
    check(a == 1 && b == 2 && c == 3 && x == 1 && y == 2, "registers keep their values");
    co_await async::yield();
  }
  over = true;
  senders.clear();
  std::uint64_t bits = 0;
  while (bits != all) bits |= co_await notified(all);
  check(upcall_counts().notifications >= enough, "each notification is counted");
}

// The computation makes no call, so only the notifications of other harts can end it.
Task<> compute_until_notified() {
  for (int i = 0; i < 20; ++i) {
    handled = 0;
    Thread sender{[self = thread_id()] {
      must(sleep_for(1ms), "sleeping");
      must(notify(self, 1), "notify");
    }};
    while (handled == 0) {
    }
    co_await notified(1);
  }
}

Task<> fall_asleep() {
  const Pid self = thread_id();
  Thread sender{[self] {
    for (int i = 0; i < 50; ++i) {
      must(notify(self, 8), "notify");
      must(sleep_for(i % 3 == 0 ? 2ms : 10us), "sleeping");
    }
    must(notify(self, 16), "the last");
  }};
  while ((co_await notified(8 | 16) & 16) == 0) {
    if (co_await async::with_deadline(async::now(), notified(32)))
      fail("bit 32 arrived, which was not sent");
  }
}

// The sender notifies the program at many different instants while the program goes to sleep. Each
// notification wakes it.
Task<> be_woken_at_every_instant() {
  constexpr int rounds = 3'000, longest_delay = 1'000;
  std::atomic<int> round = 0;
  Thread sender{[&round, self = thread_id()] {
    for (int sent = 1; sent <= rounds; ++sent) {
      while (round < sent) yield();
      for (volatile int delay = sent % longest_delay; delay > 0; delay = delay - 1) {
      }
      must(notify(self, 1), "notify");
    }
  }};
  while (round < rounds) {
    ++round;
    co_await notified(1);
  }
}

// A notification that races with the closing of the ring may be lost, and does no harm.
void closing() {
  const Pid self = thread_id();
  std::atomic<bool> over = false;
  std::vector<Thread> senders;
  for (int who = 0; who < 2; ++who) {
    senders.emplace_back([&] {
      while (!over) {
        for (int i = 0; i < 20; ++i) static_cast<void>(notify(self, 1));
        must(sleep_for(10us), "sleeping");
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    run([](int i) -> Task<> { co_await async::sleep_for(i % 5 * 10us); }(i));
  }
  over = true;
}

// Notifications that arrive while upcalls are disabled (in the handler, in the loop) are delivered
// when they are enabled, and masked ones when they are unmasked: both before the end of the step.
Task<> deliver_late() {
  constexpr std::uint64_t echo = 3, masked = 4;
  must(notify(thread_id(), first_of_two), "in a step");
  check((handled & echo) == echo, "a notification sent by the handler arrives after it");
  co_await notified(echo);

  handled = 0;
  Thread sender{[self = thread_id()] {
    must(sleep_for(5ms), "sleeping");
    must(notify(self, first_of_two), "notify a sleeping thread");
  }};
  check((co_await notified(first_of_two)) == first_of_two && (handled & echo) == echo,
        "… also when the loop calls the handler");

  mask_notifications(masked);
  must(notify(thread_id(), masked), "masked");
  check((handled & masked) == 0, "a masked notification is not delivered");
  mask_notifications(0);
  check((handled & masked) == masked, "… but is delivered when it is unmasked");
  check(co_await notified(masked) == masked, "… and stays for notified()");
}

}  // namespace

std::span<const Part> notifications() {
  static constexpr Part parts[] = {
      {"storm", [] { run(compute_in_storm(), {.on_notification = handle}); }},
      {"computing", [] { run(compute_until_notified(), {.on_notification = handle}); }},
      {"late", [] { run(deliver_late(), {.on_notification = handle_and_send}); }},
      {"asleep", [] { run(fall_asleep()); }},
      {"every-instant", [] { run(be_woken_at_every_instant()); }},
      {"closing", closing},
  };
  return parts;
}

}  // namespace upcalls
