// File descriptors: the lowest free number is used first, and a file lives as long as a descriptor
// refers to it.
#include "files/fd_table.h"

#include "files/pipe.h"
#include "support.h"

using kernel::FdTable;
using kernel::File;
using kernel::Ref;
using test::Errno;

namespace {

class Counted final : public File {
 public:
  explicit Counted(int& alive) : File{abi::o_rdonly}, alive_{alive} { ++alive_; }
  ~Counted() override { --alive_; }
  abi::Stat status() override { return {}; }

 private:
  int& alive_;
};

Ref<File> make_file(int& alive) {
  return kernel::make_ref<Counted>(alive);
}

}  // namespace

TEST_CASE("a new file gets the lowest free descriptor") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  for (int fd = 0; fd < 200; ++fd) REQUIRE(table->add(make_file(alive), false) == fd);
  for (const int fd : {130, 3, 64}) CHECK(table->close(fd));
  CHECK(alive == 197);
  CHECK(table->add(make_file(alive), false) == 3);
  CHECK(table->add(make_file(alive), false, 100) == 130);
  CHECK(table->add(make_file(alive), false) == 64);
  CHECK(table->add(make_file(alive), false) == 200);
  table = nullptr;
  CHECK(alive == 0);
}

TEST_CASE("a table at its limit accepts no file") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  table->set_limit(70);
  for (int fd = 0; fd < 70; ++fd) REQUIRE(table->add(make_file(alive), false) == fd);
  CHECK(table->add(make_file(alive), false).error() == Errno::emfile);
  CHECK(table->set(70, make_file(alive), false).error() == Errno::ebadf);
  CHECK(alive == 70);
  table->set_limit(FdTable::usual_limit);
  CHECK(table->add(make_file(alive), false, 1023) == 1023);
  CHECK(table->add(make_file(alive), false, 1023).error() == Errno::emfile);
  CHECK(table->count() == 71);
}

TEST_CASE("a table with a higher limit has descriptors above 1,023") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  table->set_limit(FdTable::size_limit);
  constexpr int highest = FdTable::size_limit - 1;
  CHECK(table->add(make_file(alive), true, 1000) == 1000);
  CHECK(table->add(make_file(alive), false, 1024) == 1024);
  CHECK(table->add(make_file(alive), true, highest) == highest);
  CHECK(table->add(make_file(alive), false, highest).error() == Errno::emfile);
  CHECK(table->next(0) == 1000);
  CHECK(table->next(1001) == 1024);
  CHECK(table->next(1025) == highest);
  CHECK(table->next(highest + 1) == -1);
  CHECK(table->find(40'000) == nullptr);
  auto copy = *table->copy();
  CHECK(copy->find(highest) == table->find(highest));
  CHECK(table->close_some_for_exec(FdTable::closed_in_step));
  CHECK(table->next(0) == 1024);
  CHECK(table->next(1025) == -1);
  CHECK(table->count() == 1);
  copy = nullptr;
  CHECK(table->close(1024));
  CHECK(alive == 0);
}

TEST_CASE("every number without an open file is EBADF") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  REQUIRE(table->add(make_file(alive), false));
  for (const int fd : {-1, 1, 63, 64, 1023, 1024, 65'535, 1 << 30, INT32_MIN}) {
    CAPTURE(fd);
    CHECK(table->find(fd) == nullptr);
    CHECK(table->close(fd).error() == Errno::ebadf);
    CHECK(table->share(fd).error() == Errno::ebadf);
    CHECK(table->close_on_exec(fd).error() == Errno::ebadf);
  }
}

TEST_CASE("set closes the file that the descriptor had before") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  REQUIRE(table->add(make_file(alive), true) == 0);
  REQUIRE(table->set(0, make_file(alive), false));
  CHECK(alive == 1);
  CHECK(table->close_on_exec(0) == false);
  REQUIRE(table->set(500, *table->share(0), true));
  CHECK(table->find(500) == table->find(0));
  CHECK(table->close(0));
  CHECK(alive == 1);
}

TEST_CASE("execve closes the descriptors with close-on-exec, and fork shares all") {
  test::Machine machine;
  int alive = 0;
  auto table = kernel::make_ref<FdTable>();
  for (int fd = 0; fd < 130; ++fd) REQUIRE(table->add(make_file(alive), fd % 2 == 1));
  auto copy = *table->copy();
  CHECK(alive == 130);
  CHECK(!table->close_some_for_exec(64));
  CHECK(table->count() == 66);
  CHECK(table->close_some_for_exec(64));
  CHECK(table->count() == 65);
  CHECK(table->find(129) == nullptr);
  CHECK(alive == 130);
  CHECK(copy->close_on_exec(129) == true);
  CHECK(copy->find(128) == table->find(128));
  copy = nullptr;
  CHECK(alive == 65);
}

TEST_CASE("the release of one file may release another") {
  test::Machine machine;
  auto table = kernel::make_ref<FdTable>();
  auto pipe = *kernel::make_pipe(0);
  REQUIRE(table->add(std::move(pipe.reader), false));
  REQUIRE(table->add(std::move(pipe.writer), false));
  table = nullptr;
}
