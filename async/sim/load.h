// Files that the simulator's command reads. What is wrong with one ends the program.
#pragma once

#include <expected>
#include <string>

#include "arguments.h"
#include "workload.h"

namespace async::sim {

/// The text of a file, or why it cannot be had.
std::expected<std::string, std::string> read_file(const std::string& name);

/// The workload that the arguments name, with what they say of it; they get its harts.
Workload load_workload(Arguments& arguments);

}  // namespace async::sim
