// Lines that somebody types on the terminal that is the standard input.
#pragma once

#include <string>
#include <string_view>

namespace shell {

struct Typed {
  enum class How {
    line,
    given_up,  // Ctrl-C or Ctrl-\: on to the next one
    end,       // Ctrl-D: there is no next one
  };
  How how;
  std::string text;  // of a line, without its end
};

// Programs find the terminal's settings as they were: keys mean something else only while this
// waits, from before the prompt on.
Typed read_typed_line(std::string_view prompt);

}  // namespace shell
