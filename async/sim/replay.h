// Replaying a recording and comparing the decisions.
#pragma once

#include <span>
#include <string>

namespace async::sim {

/// Replays the recording in the file at `path`, with the further arguments `words`. Returns the
/// program's exit status: 1 if a decision differs.
int replay(const std::string& path, std::span<char*> words);

}  // namespace async::sim
