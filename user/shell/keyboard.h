// Reads lines that a person types, if standard input is a terminal.
#pragma once

#include <string>
#include <string_view>

namespace shell {

struct Typed {
  enum class How {
    line,
    given_up,  // Ctrl-C or Ctrl-\: the line is discarded
    end,       // Ctrl-D: end of input
  };
  How how;
  std::string text;  // the line, without its newline
};

// Prints the prompt and waits for a line. It changes the terminal's settings only while it runs, so
// other programs never see the change.
Typed read_typed_line(std::string_view prompt);

}  // namespace shell
