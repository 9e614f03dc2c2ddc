// An outcome as one line of JSON; times in nanoseconds.
#pragma once

#include <string>
#include <string_view>

#include "run.h"

namespace async::sim {

/// `with_buckets`: the distributions of latencies and response times, too. `timeline`: JSON, or
/// empty.
std::string to_json(const Outcome& outcome, std::string_view policy, std::uint64_t seed,
                    bool with_buckets, const std::string& timeline = {});

/// As JSON has texts.
std::string quoted(std::string_view text);

}  // namespace async::sim
