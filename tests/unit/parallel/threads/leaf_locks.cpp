// Debug builds stop a hart that breaks the rules of a LeafLock (async/leaf_lock.h).
#include "async/leaf_lock.h"

#include <catch2/catch_test_macros.hpp>

#include "../../async/ends_normally.h"
#include "async/async.h"
#include "async/rw_leaf_lock.h"

namespace {

using async::LeafLock;
using async::RwLeafLock;
using async::Strand;

/// Runs `body` on hart 0 of several, in a child process; returns true if it ends normally.
template <class Body>
bool ends_on_hart(Body body) {
  return ends_normally([&] {
    async::platform::this_hart = 0;
    async::platform::local().smp_active = true;
    Strand::enter();
    Strand::let_share();
    Strand::leave();
    body();
  });
}

}  // namespace

TEST_CASE("data behind a leaf lock is used under the lock, or in the strand") {
  LeafLock lock, other;
  CHECK(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const LeafLock::Guard guard{lock};
    lock.check_access();
  }));
  CHECK(ends_on_hart([&] {
    const Strand::Guard strand;
    lock.check_access();
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const Strand::Sharing sharing;
    lock.check_access();
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const LeafLock::Guard guard{other};
    lock.check_access();
  }));
}

TEST_CASE("data of the strand is changed in the strand, or while one hart runs alone") {
  CHECK(ends_on_hart([] {
    const Strand::Guard strand;
    Strand::check_access();
  }));
  CHECK(ends_on_hart([] {
    async::platform::local().smp_active = false;
    Strand::check_access();
  }));
  CHECK_FALSE(ends_on_hart([] { Strand::check_access(); }));
  CHECK_FALSE(ends_on_hart([] {
    const Strand::Sharing sharing;
    Strand::check_access();
  }));
  for (const bool is_own : {false, true}) {
    CHECK(ends_on_hart([=] {
            const Strand::Sharing sharing;
            Strand::check_access_unless([=] { return is_own; });
          }) == is_own);
  }
}

TEST_CASE("a hart that shares the strand wakes no waiter of the strand's lists") {
  CHECK(ends_on_hart([] {
    const Strand::Guard strand;
    async::Event{}.set();
  }));
  CHECK_FALSE(ends_on_hart([] {
    const Strand::Sharing sharing;
    async::Event{}.set();
  }));
}

TEST_CASE("the lock of another hart gives no access") {
  LeafLock lock;
  CHECK_FALSE(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const LeafLock::Guard guard{lock};
    async::platform::this_hart = 1;
    async::platform::local().smp_active = true;
    lock.check_access();
  }));
}

TEST_CASE("a hart that reads a lock may read the data, and not change it") {
  RwLeafLock lock, other;
  CHECK(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const RwLeafLock::ReadGuard reads{lock};
    lock.check_read();
  }));
  CHECK(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const RwLeafLock::Guard guard{lock};
    lock.check_read();
    lock.check_access();
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const RwLeafLock::ReadGuard reads{lock};
    lock.check_access();
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const Strand::Sharing sharing;
    const RwLeafLock::ReadGuard reads{other};
    lock.check_read();
  }));
}

TEST_CASE("a hart that holds a leaf lock does not enter the strand") {
  LeafLock lock;
  CHECK(ends_on_hart([&] {
    {
      const LeafLock::Guard guard{lock};
    }
    const Strand::Guard strand;
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const LeafLock::Guard guard{lock};
    const Strand::Guard strand;
  }));
}

TEST_CASE("a hart that holds a leaf lock takes only deeper ones") {
  LeafLock lock, other, deeper{1}, deepest{2};
  CHECK(ends_on_hart([&] {
    const LeafLock::Guard guard{lock};
    const LeafLock::Guard second{deeper};
    const LeafLock::Guard third{deepest};
  }));
  CHECK(ends_on_hart([&] {
    {
      const LeafLock::Guard guard{deeper};
    }
    const LeafLock::Guard second{lock};
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const LeafLock::Guard guard{lock};
    const LeafLock::Guard second{other};
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const LeafLock::Guard guard{deeper};
    const LeafLock::Guard second{lock};
  }));
  CHECK_FALSE(ends_on_hart([&] {
    const LeafLock::Guard guard{lock};
    const LeafLock::Guard second{deepest};
    const LeafLock::Guard third{deeper};
  }));
}
