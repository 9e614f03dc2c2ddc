// The locks of a file: ranges of owners, conflicts and circles.
#include "files/file_locks.h"

#include <algorithm>
#include <array>
#include <random>

#include "support.h"

namespace {

using kernel::FileLocks;
using kernel::LockOwner;
using Kind = FileLocks::Kind;

FileLocks::Range range(LockOwner& owner, std::uint64_t first, std::uint64_t last,
                       bool is_exclusive = true) {
  return {
      .owner = &owner, .process = 1, .is_exclusive = is_exclusive, .first = first, .last = last};
}

/// Which of the bytes 0 to 9 an exclusive lock of `owner` cannot have.
std::string locked_for(const FileLocks& locks, LockOwner& owner) {
  std::string bytes;
  for (std::uint64_t at = 0; at < 10; ++at)
    bytes += locks.conflict(Kind::record, range(owner, at, at)) != nullptr ? 'x' : '.';
  return bytes;
}

}  // namespace

TEST_CASE("record locks split and merge") {
  test::Machine machine;
  LockOwner one, two, three;
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
  LockOwner one, two, three;
  FileLocks locks;
  CHECK(locks.set(Kind::record, range(one, 0, 4, false)));
  CHECK(locks.conflict(Kind::record, range(two, 2, 6, false)) == nullptr);
  CHECK(locks.set(Kind::record, range(two, 2, 6, false)));
  CHECK(locks.conflict(Kind::record, range(one, 0, 1)) == nullptr);
  CHECK(locks.conflict(Kind::record, range(one, 0, 2)) != nullptr);
  CHECK(locks.conflict(Kind::whole, range(three, 0, FileLocks::to_end)) == nullptr);
}

TEST_CASE("any sequence of locks and unlocks has the conflicts of its bytes") {
  test::Machine machine;
  constexpr std::size_t bytes = 200, owner_count = 4;
  enum class State : char { free, shared, exclusive };
  std::array<std::array<State, bytes>, owner_count> states{};
  std::array<LockOwner, owner_count> owners;
  FileLocks locks, others;
  std::minstd_rand random{1};
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t who = below(owner_count), first = below(bytes);
    const std::size_t last = std::min(bytes - 1, first + below(step % 5 == 0 ? bytes : 4));
    const bool is_exclusive = below(2) == 0;
    bool is_free = true, has_own = false;
    for (std::size_t at = first; at <= last; ++at) {
      has_own |= states[who][at] != State::free;
      for (std::size_t other = 0; other < owner_count; ++other) {
        if (other == who) continue;
        is_free &= states[other][at] != State::exclusive &&
                   (!is_exclusive || states[other][at] == State::free);
      }
    }
    const auto wanted = range(owners[who], first, last, is_exclusive);
    const auto* const conflict = locks.conflict(Kind::record, wanted);
    REQUIRE((conflict == nullptr) == is_free);
    const auto* const own = locks.own(Kind::record, wanted);
    REQUIRE((own != nullptr) == has_own);
    if (conflict != nullptr) {
      REQUIRE((conflict->owner != wanted.owner && conflict->first <= last));
      REQUIRE(conflict->last >= first);
    }
    if (below(3) == 0) {
      REQUIRE(locks.clear(Kind::record, owners[who], first, last));
      std::fill(&states[who][first], &states[who][last] + 1, State::free);
    } else if (is_free) {
      REQUIRE(locks.set(Kind::record, wanted));
      std::fill(&states[who][first], &states[who][last] + 1,
                is_exclusive ? State::exclusive : State::shared);
    }
    if (step % 97 == 0) {
      REQUIRE(others.set(Kind::record, range(owners[who], first, last)));
      others.clear_all(owners[who]);
    }
    if (step % 1'001 == 0) {
      locks.clear_all(owners[who]);
      states[who].fill(State::free);
    }
  }
}

TEST_CASE("owners that wait for each other in a circle are found") {
  LockOwner one, two, three;
  const FileLocks::Blocked first{&one, &two};
  CHECK_FALSE(FileLocks::would_deadlock(&three, &one));
  CHECK(FileLocks::would_deadlock(&two, &one));
  {
    const FileLocks::Blocked second{&two, &three};
    CHECK(FileLocks::would_deadlock(&three, &one));
  }
  CHECK_FALSE(FileLocks::would_deadlock(&three, &one));
}

TEST_CASE("the end of an owner ends its locks in all files, and no others") {
  test::Machine machine;
  FileLocks first, second;
  LockOwner two;
  {
    LockOwner one;
    CHECK(first.set(Kind::record, range(one, 0, 1)));
    CHECK(first.set(Kind::record, range(two, 4, 5)));
    CHECK(second.set(Kind::record, range(one, 6, 7)));
    CHECK(second.own(Kind::record, range(one, 7, 9))->first == 6);
    CHECK(second.own(Kind::record, range(two, 7, 9)) == nullptr);
    CHECK(locked_for(second, two) == "......xx..");
  }
  LockOwner one;
  CHECK(locked_for(first, one) == "....xx....");
  CHECK(locked_for(second, one) == "..........");
}

TEST_CASE("an owner may outlive the file of its locks") {
  test::Machine machine;
  LockOwner one;
  {
    FileLocks locks;
    CHECK(locks.set(Kind::record, range(one, 0, 1)));
    CHECK(locks.set(Kind::whole, range(one, 0, FileLocks::to_end)));
  }
  FileLocks other;
  CHECK(other.set(Kind::record, range(one, 2, 3)));
}
