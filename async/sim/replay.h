// A recording, done again and compared.
#pragma once

#include <span>
#include <string>

namespace async::sim {

/// The recording in the file at `path`, with further arguments. What the program ends with: 1 where
/// it is not the same again.
int replay(const std::string& path, std::span<char*> words);

}  // namespace async::sim
