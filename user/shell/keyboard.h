// Reads lines that a person types, if standard input is a terminal.
#pragma once

#include <string>
#include <string_view>

#include "editor.h"

namespace shell {

// Prints the prompt and waits for a line. It changes the terminal's settings only while it runs, so
// programs never see the change.
Typed read_typed_line(std::string_view prompt, const History& history, const Completer& complete);

}  // namespace shell
