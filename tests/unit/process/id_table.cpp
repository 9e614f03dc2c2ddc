// The table of ids, with stand-ins for processes and threads that have only an id.
#include "process/id_table.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <vector>

namespace kernel {

class Process : public IdTableEntry<Process> {
 public:
  explicit Process(int id) : id_{id} {}
  int id() const { return id_; }

 private:
  int id_;
};

class Thread : public IdTableEntry<Thread> {
 public:
  explicit Thread(int id) : id_{id} {}
  int id() const { return id_; }

 private:
  int id_;
};

}  // namespace kernel

using kernel::IdSlots;
using kernel::IdTable;
using kernel::Process;
using kernel::Thread;

TEST_CASE("a process and its first thread have the same number") {
  IdTable<Process> processes;
  IdTable<Thread> threads;
  Process process{7};
  Thread thread{7};
  processes.add(process);
  threads.add(thread);
  CHECK(processes.find(7) == &process);
  CHECK(threads.find(7) == &thread);
  processes.remove(process);
  CHECK(processes.find(7) == nullptr);
  CHECK(threads.find(7) == &thread);
  CHECK_FALSE(IdSlots::is_free(7));
  threads.remove(thread);
  CHECK(IdSlots::is_free(7));
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
  Thread ended{300};
  Thread heir{300};
  threads.add(ended);
  threads.add(heir);
  threads.remove(ended);
  CHECK(threads.find(300) == &heir);
  threads.remove(heir);
  CHECK(threads.find(300) == nullptr);
}

TEST_CASE("numbers of many groups are found until they leave, in the order of their arrival") {
  IdTable<Thread> threads;
  std::vector<std::unique_ptr<Thread>> all;
  for (int i = 0; i < 3'000; ++i) {
    all.push_back(std::make_unique<Thread>(1 + i * 7'919 % (IdSlots::limit - 1)));
    threads.add(*all.back());
  }
  CHECK(threads.size() == all.size());
  std::size_t at = 0;
  bool in_order = true;
  for (Thread& thread : threads) in_order &= &thread == all[at++].get();
  CHECK(in_order);
  bool found = true;
  for (std::size_t i = 0; i < all.size(); i += 2) {
    threads.remove(*all[i]);
    found &= threads.find(all[i]->id()) == nullptr;
  }
  for (std::size_t i = 1; i < all.size(); i += 2)
    found &= threads.find(all[i]->id()) == all[i].get();
  CHECK(found);
  for (std::size_t i = 1; i < all.size(); i += 2) threads.remove(*all[i]);
  CHECK(threads.size() == 0);
}
