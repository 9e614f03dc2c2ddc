// What the fuzzer's children have in common.
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

/// Something that a call might be given: small, large, an address, a descriptor.
std::uint64_t random_argument(Random& random);
/// Remembers what a call gave, for others to be given.
void keep_answer(Random& random, long answer);
void fill_scratch(Random& random);

/// Makes `count` calls, or batches. 0, or 1 if nobody listens to its reports.
int make_calls(std::uint64_t seed, long count);
int make_batches(std::uint64_t seed, long count);

}  // namespace fuzz
