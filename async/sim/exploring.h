// Exploration for the command: prints its progress and its result, and records failing schedules.
#pragma once

#include "arguments.h"
#include "workload.h"

namespace async::sim {

/// Explores the schedules that the arguments ask for, or runs the one that they contain. Returns
/// the program's exit status: 1 if a schedule fails.
int explore(Arguments& arguments, const Workload& workload);

}  // namespace async::sim
