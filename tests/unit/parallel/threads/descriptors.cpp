// Threads of one process use, duplicate and close the same descriptors, on harts that share the
// strand.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <vector>

#include "async/async.h"
#include "async/retired.h"
#include "files/fd_table.h"
#include "harts.h"
#include "smp_machine.h"

using namespace std::chrono_literals;
using async::Task;
using kernel::FdTable;
using kernel::File;
using kernel::Ref;

namespace {

constexpr int limit = 12;  // descriptors
constexpr unsigned turns = 3000;

std::atomic<int> alive = 0;
std::atomic<unsigned> copies = 0;

class Counted final : public File {
 public:
  explicit Counted(bool ends_sharing) : File{abi::o_rdonly}, ends_sharing_{ends_sharing} {
    ++alive;
  }
  ~Counted() override {
    use();
    value_ = 0;
    --alive;
  }
  void use() const {
    if (value_ != 1) async::platform::fail("a file is used after its end");
  }
  bool end_sharing() override { return ends_sharing_; }
  bool may_destroy_sharing() override { return ends_sharing_; }
  abi::Stat status() override { return {}; }

 private:
  int value_ = 1;  // a plain word: ThreadSanitizer sees a use beside the destruction
  bool ends_sharing_;
};

void use_some(FdTable& table, std::minstd_rand& random) {
  const auto some = [&] { return static_cast<int>(random() % limit); };
  switch (random() % 7) {
    case 0: (void)table.add(kernel::make_ref<Counted>(random() % 4 != 0), false); break;
    case 1:
      if (auto file = table.share(some())) (void)table.add(std::move(*file), true);
      break;
    case 2:
      if (auto file = table.share(some())) (void)table.set(some(), std::move(*file), false);
      break;
    case 3: (void)table.close(some()); break;
    case 4: copies += table.copy().has_value(); break;
    case 5: (void)table.set_close_on_exec(some(), true); break;
    default:
      if (const File* const file = table.find(some())) static_cast<const Counted*>(file)->use();
  }
}

Task<> use_descriptors(FdTable& table, unsigned seed) {
  std::minstd_rand random{seed};
  for (unsigned i = 0; i < turns; ++i) {
    async::Strand::leave();
    {
      async::Strand::Sharing sharing;
      sharing.tell();
      use_some(table, random);
    }
    async::Strand::enter();
    if (i % 8 == 0) use_some(table, random);
    if (i % 64 == 0) copies += table.copy().has_value();
    co_await async::yield();
  }
}

Task<> use_on_all_harts() {
  auto table = kernel::make_ref<FdTable>();
  table->set_limit(limit);
  std::vector<async::JoinHandle<void>> jobs;
  for (unsigned i = 0; i < 6; ++i) jobs.push_back(async::spawn(use_descriptors(*table, i + 1), {}));
  for (auto& job : jobs) co_await std::move(job);
  const unsigned open = table->count();
  for (int fd = 0; fd < limit; ++fd) (void)table->close(fd);
  if (table->count() != 0) async::platform::fail("a closed descriptor counts as open");
  if (open == 0) async::platform::fail("all descriptors are closed");
}

}  // namespace

TEST_CASE("harts that share the strand use, duplicate and close the same descriptors") {
  const test::Machine machine;  // without memory FdTable::copy() would fail
  parallel_test::run_harts(600s, [](unsigned) {}, use_on_all_harts);
  CHECK(alive == 0);
  CHECK(copies > turns / 2);
}

TEST_CASE("a table's only user closes a file at once, unless another table had it") {
  const test::SmpMachine machine;
  Ref<FdTable> own, other;
  {
    const async::Strand::Guard strand;
    own = kernel::make_ref<FdTable>();
    REQUIRE(own->add(kernel::make_ref<Counted>(true), false) == 0);
    other = own->copy().value();
    REQUIRE(own->add(kernel::make_ref<Counted>(true), false) == 1);
    REQUIRE(own->add(kernel::make_ref<Counted>(false), false) == 2);
  }
  {
    async::Strand::Sharing sharing;
    sharing.tell();
    CHECK(own->close_own(1));
    CHECK(alive == 2);
    CHECK(own->close_own(2));
    CHECK(alive == 2);  // the destructor needs the strand
    CHECK(other->close(0));
    CHECK(own->close_own(0));
    CHECK(alive == 2);  // a thread that shares the other table may still use it
    CHECK(own->close_own(0).error() == kernel::Errno::ebadf);
  }
  const async::Strand::Guard strand;
  CHECK(alive == 0);
  own = other = nullptr;
}

TEST_CASE("harts copy and close the descriptors of one file in a table of each") {
  constexpr unsigned harts = 3;
  const test::SmpMachine machine;
  std::vector<Ref<FdTable>> tables;
  {
    const async::Strand::Guard strand;
    tables.push_back(kernel::make_ref<FdTable>());
    REQUIRE(tables[0]->add(kernel::make_ref<Counted>(true), false) == 0);
    for (unsigned i = 0; i < harts; ++i) tables.push_back(tables[0]->copy().value());
  }
  std::atomic<unsigned> failed = 0;
  test::on_harts(harts, [&](unsigned number) {
    FdTable& own = *tables[number];
    for (unsigned i = 0; i < turns; ++i) {
      async::Strand::Sharing sharing;
      sharing.tell();
      if (auto file = own.share(0)) failed += !own.set(1, std::move(*file), false);
      failed += !own.close_own(1);
      failed += !own.copy();
    }
    const async::Strand::Guard strand;
    async::Retired::destroy_own();
  });
  CHECK(failed == 0);
  CHECK(alive == 1);
  const async::Strand::Guard strand;
  tables.clear();
  CHECK(alive == 0);
}
