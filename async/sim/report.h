// An outcome as one line of JSON; times in nanoseconds.
#pragma once

#include <string>
#include <string_view>

#include "run.h"

namespace async::sim {

/// `with_buckets`: also the distributions of latencies and response times. `timeline`: JSON, or
/// empty.
std::string to_json(const Outcome& outcome, std::string_view policy, std::uint64_t seed,
                    bool with_buckets, const std::string& timeline = {});

/// The text as a JSON string, with its quotes.
std::string json_text(std::string_view text);

}  // namespace async::sim
