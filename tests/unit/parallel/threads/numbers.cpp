// Sums and numbers of processes and threads that harts change while they share the strand.
#include "../../process/stand_ins.h"
#include "base/hart_count.h"
#include "process/id_table.h"
#include "smp_machine.h"

namespace {

using async::Strand;
using kernel::IdSlots;
using kernel::IdTable;
using kernel::Thread;

constexpr unsigned actors = 3;  // harts that work at the same time
constexpr unsigned steps = 4'000;

}  // namespace

TEST_CASE("a sum is right although harts change it at the same time") {
  const test::SmpMachine machine;
  kernel::HartCount<4> count;
  std::atomic<std::size_t> expected = 0;
  test::on_harts(actors, [&](unsigned number) {
    test::Random random{number};
    for (unsigned i = 0; i < steps; ++i) {
      const auto amount = i % 2 == 0 ? 5 : -static_cast<std::ptrdiff_t>(random.below(4));
      expected += static_cast<std::size_t>(amount);
      const Strand::Sharing sharing;
      count.add(amount);
      if (count.total() > actors * steps * 5) test::platform::fail("the sum is below 0");
    }
  });
  const Strand::Guard strand;
  CHECK(count.sum() == expected);
  CHECK(count.total() >= expected);
  CHECK(count.total() <= expected + actors * 8);
  count.collect();
  CHECK(count.total() == expected);
  CHECK(count.sum() == expected);
}

TEST_CASE("a hart can prepare an addition, unless the total may not grow") {
  const test::SmpMachine machine;
  kernel::HartCount<10> count;
  const Strand::Guard strand;
  const auto up_to = [](std::size_t limit) {
    return [limit](std::size_t total) { return total <= limit; };
  };
  CHECK_FALSE(count.prepare(3, up_to(12)));
  CHECK(count.total() == 0);
  CHECK(count.prepare(3, up_to(13)));
  CHECK(count.prepare(13, up_to(0)));
  CHECK(count.sum() == 0);
  CHECK_FALSE(count.add(13));
  CHECK(count.sum() == 13);
  CHECK(count.total() == 13);
  CHECK(count.add(1));
  CHECK(count.sum() == 14);
  CHECK(count.total() == 24);
}

TEST_CASE("harts that share the strand allocate different numbers") {
  const test::SmpMachine machine;
  static IdTable<Thread> table;
  static std::array<std::atomic<Thread*>, 64> passed;  // from hart to hart
  test::on_harts(actors, [](unsigned number) {
    test::Random random{number};
    for (unsigned i = 0; i < steps; ++i) {
      Strand::Sharing sharing;
      sharing.tell();
      auto* thread = new Thread{IdSlots::allocate()};
      if (table.find(thread->id()) != nullptr) test::platform::fail("a number is in use");
      table.add(*thread);
      thread = passed[random.below(passed.size())].exchange(thread, std::memory_order_acq_rel);
      if (thread == nullptr) continue;
      if (table.find(thread->id()) != thread) test::platform::fail("a thread is not found");
      table.remove(*thread);
      delete thread;
    }
  });
  {
    const Strand::Guard strand;
    std::size_t count = 0;
    for (const Thread& thread : table) count += thread.id() != 0;
    CHECK(count == table.size());
    CHECK(count <= passed.size());
    for (auto& place : passed) {
      Thread* const thread = place.exchange(nullptr);
      if (thread == nullptr) continue;
      table.remove(*thread);
      delete thread;
    }
    CHECK(table.size() == 0);
  }
}
