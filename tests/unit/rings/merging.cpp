// Tests which submissions are merged into one transfer, and with which results they complete.
#include "rings/merging.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

using abi::RingCompletion;
using abi::RingOperation;
using abi::RingSubmission;

namespace kernel {
namespace {

RingSubmission reading(std::uint64_t offset, std::uint64_t address, std::uint32_t length) {
  return {.operation = RingOperation::read,
          .fd = 3,
          .offset = offset,
          .address = address,
          .length = length,
          .user_data = offset + 7};
}

/// Three adjacent reads, of 10, 20 and 30 bytes.
std::vector<RingSubmission> three() {
  return {reading(100, 4096, 10), reading(110, 4106, 20), reading(130, 4126, 30)};
}

/// The outcome of merge() for some submissions, with `room` slots and as many places for lengths.
struct Outcome {
  explicit Outcome(const std::vector<RingSubmission>& all, std::size_t room = 8,
                   std::size_t most = 65'536)
      : lengths(room),
        slots(room, {.user_data = 1, .result = -1, .flags = 1}),
        merged{kernel::merge(all.front(), all, slots, most, lengths)} {}
  Outcome(const Outcome&) = delete;

  /// Calls commit() after a transfer of `moved` bytes. Returns the results of the completions that
  /// are then valid.
  std::vector<int> commit(std::size_t moved) {
    const auto stand = kernel::commit(merged, slots, moved);
    std::vector<int> results;
    for (std::size_t i = 0; i < stand; ++i) results.push_back(slots[i].result);
    return results;
  }

  std::vector<std::uint32_t> lengths;
  std::vector<RingCompletion> slots;
  const MergedTransfer merged;
};

TEST_CASE("adjacent requests are merged, and each has its completion") {
  const Outcome outcome{three()};
  const auto& slots = outcome.slots;
  CHECK(outcome.merged.count() == 3);
  CHECK(outcome.merged.bytes == 60);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(slots[i].user_data == three()[i].user_data);
    CHECK(slots[i].result == static_cast<std::int32_t>(three()[i].length));
    CHECK(slots[i].flags == 0);
  }
  CHECK(slots[3].result == -1);
}

TEST_CASE("requests at the file's position are merged if their memory is adjacent") {
  auto all = three();
  for (auto& entry : all) entry.offset = abi::ring_current_place;
  CHECK(Outcome(all).merged.count() == 3);
  all[1].offset = 0;
  CHECK(Outcome(all).merged.count() == 1);
}

TEST_CASE("requests that differ in any field are not merged") {
  const auto change = [](auto&& change) {
    auto all = three();
    change(all[1]);
    return Outcome(all).merged.count();
  };
  CHECK(change([](auto&) {}) == 3);
  CHECK(change([](auto& entry) { entry.operation = RingOperation::write; }) == 1);
  CHECK(change([](auto& entry) { entry.flags = abi::ring_link; }) == 1);
  CHECK(change([](auto& entry) { entry.fd = 4; }) == 1);
  CHECK(change([](auto& entry) { ++entry.offset; }) == 1);
  CHECK(change([](auto& entry) { --entry.address; }) == 1);
  CHECK(change([](auto& entry) { ++entry.length; }) == 2);  // then the third one is not adjacent
}

TEST_CASE("a merged transfer is limited by the longest transfer and by the free slots") {
  CHECK(Outcome(three(), 2).merged.count() == 2);
  CHECK(Outcome(three(), 8, 60).merged.count() == 3);
  const Outcome two{three(), 8, 59};
  CHECK(two.merged.count() == 2);
  CHECK(two.merged.bytes == 30);
  CHECK(two.slots[2].result == -1);
  CHECK(Outcome(three(), 8, 9).merged.count() == 0);
}

TEST_CASE("requests of length zero or beyond the limit do not affect the others") {
  auto all = three();
  all[1].length = 0;
  all[2] = reading(110, 4106, 30);
  CHECK(Outcome(all).merged.count() == 3);
  CHECK(Outcome(all).merged.bytes == 40);
  all[2].length = ~std::uint32_t{0};
  CHECK(Outcome(all).merged.count() == 2);
  all[0] = reading(0, ~std::uint64_t{0}, 1);
  all[1] = reading(1, 0, 1);
  CHECK(Outcome(all).merged.count() == 2);  // the first two: address 0 follows the last address
}

TEST_CASE("a short transfer completes the requests that its bytes reach") {
  const auto after = [](std::size_t moved) { return Outcome{three()}.commit(moved); };
  CHECK(after(1) == std::vector{1});
  CHECK(after(9) == std::vector{9});
  CHECK(after(10) == std::vector{10});
  CHECK(after(11) == std::vector{10, 1});
  CHECK(after(30) == std::vector{10, 20});
  CHECK(after(59) == std::vector{10, 20, 29});
}

TEST_CASE("the program's writes to the slots do not change how many completions count") {
  for (const std::int32_t written : {0, 1, -1, 1000}) {
    Outcome outcome{three()};
    outcome.slots.assign(8, {.user_data = 5, .result = written, .flags = 5});
    CHECK(outcome.commit(50).size() == 3);
    CHECK(outcome.slots[2].result == 20);
    CHECK(outcome.commit(30).size() == 2);
    CHECK(outcome.commit(11).size() == 2);
    CHECK(outcome.commit(1) == std::vector{1});
  }
}

}  // namespace
}  // namespace kernel
