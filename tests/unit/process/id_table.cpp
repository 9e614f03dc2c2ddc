// The table of the numbers of processes and threads.
#include "process/id_table.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <vector>

#include "stand_ins.h"

using kernel::IdSlots;
using kernel::IdTable;
using kernel::Process;
using kernel::Thread;

TEST_CASE("a process and its first thread have the same number") {
  IdTable<Process> processes;
  IdTable<Thread> threads;
  const int id = IdSlots::allocate();
  Process process{id};
  Thread thread{id};
  processes.add(process);
  threads.add(thread);
  CHECK(processes.find(id) == &process);
  CHECK(threads.find(id) == &thread);
  processes.remove(process);
  CHECK(processes.find(id) == nullptr);
  CHECK(threads.find(id) == &thread);
  CHECK_FALSE(IdSlots::is_free(id));
  threads.remove(thread);
  CHECK(IdSlots::is_free(id));
}

TEST_CASE("any int may be looked up") {
  IdTable<Thread> threads;
  for (const int id : {0, -1, 1, 255, 256, IdSlots::limit - 1, IdSlots::limit, 0x7fff'ffff}) {
    CHECK(threads.find(id) == nullptr);
    CHECK(IdSlots::is_free(id));
  }
}

TEST_CASE("the last owner of a number keeps it when an earlier one leaves the table") {
  IdTable<Thread> threads;
  const int id = IdSlots::allocate();
  Thread ended{id};
  Thread heir{id};
  threads.add(ended);
  threads.add(heir);
  threads.remove(ended);
  CHECK(threads.find(id) == &heir);
  threads.remove(heir);
  CHECK(threads.find(id) == nullptr);
}

TEST_CASE("numbers of many groups are found until they leave, in their order") {
  IdTable<Thread> threads;
  std::vector<std::unique_ptr<Thread>> all;
  for (int i = 0; i < 3'000; ++i) {
    all.push_back(std::make_unique<Thread>(IdSlots::allocate()));
    threads.add(*all.back());
  }
  CHECK(threads.size() == all.size());
  const auto count = [&] {
    std::size_t found = 0;
    int before = 0;
    for (const Thread& thread : threads) {
      found += thread.id() > before;
      before = thread.id();
    }
    return found;
  };
  CHECK(count() == all.size());
  bool found = true;
  for (std::size_t i = 0; i < all.size(); i += 2) {
    threads.remove(*all[i]);
    found &= threads.find(all[i]->id()) == nullptr;
  }
  for (std::size_t i = 1; i < all.size(); i += 2)
    found &= threads.find(all[i]->id()) == all[i].get();
  CHECK(found);
  CHECK(count() == all.size() / 2);
  for (std::size_t i = 1; i < all.size(); i += 2) threads.remove(*all[i]);
  CHECK(threads.size() == 0);
  CHECK(count() == 0);
}

TEST_CASE(
    "a number is used again only when the others had their turn, and never while it is in use") {
  IdTable<Thread> threads;
  const Thread kept{IdSlots::allocate()};
  Thread owner{kept.id()};
  threads.add(owner);
  int turns = 0;
  int again = 0;
  const int released = IdSlots::allocate();  // no object ever has it
  for (int i = 0; i < IdSlots::limit && again != 2; ++i, ++turns) {
    const int id = IdSlots::allocate();
    if (id == kept.id()) break;
    again += id == released;
  }
  CHECK(again == 2);
  CHECK(turns > 2 * 30'000);
  threads.remove(owner);
}
