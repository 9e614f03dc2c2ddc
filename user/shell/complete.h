// Completes the word before the cursor: a command or a path.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "editor.h"
#include "pattern.h"

namespace shell {

struct CompletionSources {
  std::function<std::vector<std::string>()> commands;  // names of programs and builtins
  ListFolder list;
};

// `line` ends at the cursor. A command's name completes the first word of a command, unless it has
// a slash; after `cd` only folders count. Words with $ or ` are not completed.
Completion complete(std::string_view line, const CompletionSources& sources);

}  // namespace shell
