// The locks of a file: ranges of owners, conflicts and circles.
#include "files/file_locks.h"

#include "support.h"

namespace {

using kernel::FileLocks;
using Kind = FileLocks::Kind;

constexpr std::array<int, 3> owners{};
const void* const one = &owners[0];
const void* const two = &owners[1];
const void* const three = &owners[2];

FileLocks::Range range(const void* owner, std::uint64_t first, std::uint64_t last,
                       bool is_exclusive = true) {
  return {.owner = owner, .process = 1, .is_exclusive = is_exclusive, .first = first, .last = last};
}

/// Which of the bytes 0 to 9 an exclusive lock of `owner` cannot have.
std::string locked_for(const FileLocks& locks, const void* owner) {
  std::string bytes;
  for (std::uint64_t at = 0; at < 10; ++at)
    bytes += locks.conflict(Kind::record, range(owner, at, at)) != nullptr ? 'x' : '.';
  return bytes;
}

}  // namespace

TEST_CASE("record locks split and merge") {
  test::Machine machine;
  FileLocks locks;
  CHECK(locks.set(Kind::record, range(one, 1, 8)));
  CHECK(locked_for(locks, two) == ".xxxxxxxx.");
  CHECK(locked_for(locks, one) == "..........");
  CHECK(locks.clear(Kind::record, one, 3, 4));
  CHECK(locked_for(locks, two) == ".xx..xxxx.");
  CHECK(locks.set(Kind::record, range(two, 3, 3)));
  CHECK(locked_for(locks, one) == "...x......");
  CHECK(locks.clear(Kind::record, two, 0, FileLocks::to_end));
  CHECK(locks.set(Kind::record, range(one, 3, 4)));
  const auto* const whole = locks.conflict(Kind::record, range(two, 0, 9));
  CHECK((whole->first == 1 && whole->last == 8));
  CHECK(locks.set(Kind::record, range(one, 4, FileLocks::to_end)));
  CHECK(locks.conflict(Kind::record, range(two, 1u << 30, 1u << 30)) != nullptr);
  locks.clear_all(one);
  CHECK(locked_for(locks, two) == "..........");
}

TEST_CASE("shared locks exclude exclusive ones only") {
  test::Machine machine;
  FileLocks locks;
  CHECK(locks.set(Kind::record, range(one, 0, 4, false)));
  CHECK(locks.conflict(Kind::record, range(two, 2, 6, false)) == nullptr);
  CHECK(locks.set(Kind::record, range(two, 2, 6, false)));
  CHECK(locks.conflict(Kind::record, range(one, 0, 1)) == nullptr);
  CHECK(locks.conflict(Kind::record, range(one, 0, 2)) != nullptr);
  CHECK(locks.conflict(Kind::whole, range(three, 0, FileLocks::to_end)) == nullptr);
}

TEST_CASE("owners that wait for each other in a circle are found") {
  const FileLocks::Blocked first{one, two};
  CHECK_FALSE(FileLocks::would_deadlock(three, one));
  CHECK(FileLocks::would_deadlock(two, one));
  {
    const FileLocks::Blocked second{two, three};
    CHECK(FileLocks::would_deadlock(three, one));
  }
  CHECK_FALSE(FileLocks::would_deadlock(three, one));
}
