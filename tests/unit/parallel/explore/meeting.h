// Jobs for several scenarios: they sleep until a post, or wait until a flag is set.
#pragma once

#include "scenario.h"

namespace parallel_test {

/// The count is relaxed: unpark() and park() order it.
struct Parking {
  async::Job* sleeper = nullptr;
  Atomic<unsigned> posted = 0;
  unsigned seen = 0;
  unsigned ended = 0;
};

inline Task<> sleep_until_posted(Parking& parking, unsigned posts) {
  while ((parking.seen = parking.posted.load(std::memory_order_relaxed)) < posts) {
    const WaitResult result = co_await async::park("post");
    check(result == WaitResult::woken, "a park ended for another reason");
  }
  ++parking.ended;
}

inline void post(Parking& parking) {
  parking.posted.fetch_add(1, std::memory_order_relaxed);
  async::Executor::unpark(*parking.sleeper);
}

inline Task<> post_from_job(Parking& parking) {
  post(parking);
  co_return;
}

struct Meeting {
  async::WaitList list;
  Plain<bool> open = false;
  Plain<unsigned> through = 0;
};

inline Task<> wait_until_open(Meeting& meeting) {
  while (!meeting.open.get()) {
    check(co_await meeting.list.wait("open") == WaitResult::woken, "not woken");
    linger();
  }
  meeting.through.add(1);
}

inline Task<> open_late(Meeting& meeting, unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await async::yield();
  meeting.open.set(true);
  linger();
  meeting.list.wake_all();
}

}  // namespace parallel_test
