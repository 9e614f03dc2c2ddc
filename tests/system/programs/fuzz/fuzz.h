// Declarations for both kinds of the fuzzer's children: those that make calls, and those that
// submit batches to a ring.
#pragma once

#include <user/calls.h>

#include <array>
#include <cstdint>

namespace fuzz {

inline constexpr user::Fd report_fd = 3;

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    auto mixed = state ^ state >> 29;
    mixed *= 0xbf58'476d'1ce4'e5b9u;
    return mixed ^ mixed >> 32;
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
};

/// A random argument of a call: a small or large number, an address, or a descriptor.
std::uint64_t random_argument(Random& random);
/// Stores the result of a call, as an argument for later calls.
void keep_answer(Random& random, long answer);
void fill_scratch(Random& random);

/// Makes `count` random system calls. Returns the exit code: 1 if the pipe for the reports is
/// closed.
int make_calls(std::uint64_t seed, long count);
/// Like make_calls(), but submits `count` random batches to a ring. Also returns 1 if there is no
/// memory for the ring.
int make_batches(std::uint64_t seed, long count);

}  // namespace fuzz
