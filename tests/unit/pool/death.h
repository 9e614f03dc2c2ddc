// Runs code that must end the process, in a process of its own.
#pragma once

#include <string>

namespace test {

/// What `run` writes to stderr before it aborts. Empty if it does not abort.
std::string last_words(void (*run)());

}  // namespace test
