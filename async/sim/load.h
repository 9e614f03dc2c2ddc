// Reads the files of the simulator's command. An error in a workload file ends the program.
#pragma once

#include <expected>
#include <string>

#include "arguments.h"
#include "workload.h"

namespace async::sim {

/// The text of a regular file, or why it cannot be read.
std::expected<std::string, std::string> read_file(const std::string& name);

/// Loads the workload that the arguments name. If the arguments have a duration, it overrides the
/// file's. Stores the number of harts in `arguments.machine`: the arguments', else the file's.
Workload load_workload(Arguments& arguments);

}  // namespace async::sim
