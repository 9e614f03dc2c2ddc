// The tests of `rings PART`.
#pragma once

#include <user/check.h>
#include <user/clock.h>
#include <user/ring.h>

#include <vector>

#include "../eventually.h"

using namespace user;
using abi::Errno;
using abi::RingOperation;

namespace rings {

// answers.cpp: submissions that do not wait
void operations();
void batches();
// joined.cpp: merged transfers
void joined();
// waits.cpp
void waits();
void links();
void timeouts();
void cancels();
void multishot();
void submission_polling();
// queue.cpp
void queue();
// broken.cpp: misuse by the program
void broken();
void unmapped();
void lost();
void overflow();
// ends.cpp
void ends();
int leave(std::string_view how);

inline constexpr int error(Errno number) {
  return -static_cast<int>(number);
}

inline Ring make_ring(std::uint32_t submissions = 16, std::uint32_t flags = 0) {
  return must(Ring::make({.submissions = submissions, .flags = flags}), "a ring");
}

// Returns the result of the next completion, which must be the one of `data`.
inline int answer_of(Ring& ring, std::uint64_t data) {
  const auto done = ring.wait();
  check(done.has_value(), "submission {} completes", data);
  check(done->user_data == data, "{} completes, not {}", data, done->user_data);
  check(done->flags == 0, "it has no flags");
  return done->result;
}

// Submits one submission and returns its result.
inline int answer_to(Ring& ring, const abi::RingSubmission& submission) {
  check(ring.add(submission), "the ring has room");
  return answer_of(ring, submission.user_data);
}

// Waits for `count` completions and returns them, sorted by user_data.
inline std::vector<abi::RingCompletion> take_all(Ring& ring, std::size_t count) {
  std::vector<abi::RingCompletion> all;
  while (all.size() < count) {
    const auto done = ring.wait();
    check(done.has_value(), "{} requests complete, not {}", count, all.size());
    all.push_back(*done);
  }
  check(ring.available() == 0, "the ring has {} completions and no more", count);
  return all;
}

template <class T>
std::span<std::byte> bytes_of(T& object) {
  return std::as_writable_bytes(std::span{object});
}

}  // namespace rings
