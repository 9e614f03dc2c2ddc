// Explores every interleaving, up to the printed bound: harts read data behind an RwLeafLock while
// another hart changes it. scenario.h describes scenarios.
#include <type_traits>

#include "async/rw_leaf_lock.h"
#include "leaving.h"

using namespace parallel_test;

namespace {

// A LeafLock::Guard would not wait for readers.
static_assert(!std::is_convertible_v<async::RwLeafLock&, async::LeafLock&>);

/// Two words that are equal whenever nobody changes them.
struct Pair {
  async::RwLeafLock lock;
  Plain<unsigned> first = 0, second = 0;
  Atomic<unsigned> readers = 0;  // harts that read now
};

Task<> read_pair(Pair& pair, unsigned& most_readers) {
  leave();
  {
    const Sharing sharing;
    const async::RwLeafLock::ReadGuard reads{pair.lock};
    const unsigned others = pair.readers.fetch_add(1, std::memory_order_relaxed);
    most_readers = std::max(most_readers, others + 1);
    const unsigned first = pair.first.get();
    linger();
    check(pair.second.get() == first, "the data changes while a hart reads it");
    pair.readers.fetch_add(-1u, std::memory_order_relaxed);
  }
  enter();
  co_return;
}

Task<> change_pair(Pair& pair) {
  leave();
  {
    const Sharing sharing;
    const async::RwLeafLock::Guard lock{pair.lock};
    check(pair.readers.load(std::memory_order_relaxed) == 0,
          "a hart reads what another one changes");
    pair.first.add(1);
    linger();
    pair.second.add(1);
  }
  enter();
  co_return;
}

unsigned most_readers = 0;  // at once, in all schedules

}  // namespace

TEST_CASE("no hart changes what another hart reads behind an RwLeafLock") {
  explore({.name = "a reader against a writer", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& pair = run.make<Pair>();
            run.spawn(0, read_pair(pair, most_readers), {.name = "reader", .harts = only(0)});
            run.spawn(1, change_pair(pair), {.name = "writer", .harts = only(1)});
          });
  explore({.name = "two writers against a reader", .harts = 3, .bound = 2, .shares = true},
          [](Run& run) {
            auto& pair = run.make<Pair>();
            run.spawn(0, read_pair(pair, most_readers), {.name = "reader", .harts = only(0)});
            run.spawn(1, change_pair(pair), {.name = "writer", .harts = only(1)});
            run.spawn(2, change_pair(pair), {.name = "second writer", .harts = only(2)});
            run.at_end([&] { check(pair.second.get() == 2, "a change is lost"); });
          });
}

TEST_CASE("harts read behind an RwLeafLock at the same time") {
  most_readers = 0;
  explore({.name = "two readers", .bound = 3, .weak = {3, 1}, .shares = true}, [](Run& run) {
    auto& pair = run.make<Pair>();
    run.spawn(0, read_pair(pair, most_readers), {.name = "reader", .harts = only(0)});
    run.spawn(1, read_pair(pair, most_readers), {.name = "second reader", .harts = only(1)});
  });
  CHECK(most_readers == 2);
}
