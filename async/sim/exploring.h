// Exploration as the command does it: what it prints and records.
#pragma once

#include "arguments.h"
#include "workload.h"

namespace async::sim {

/// Explores the schedules that the arguments ask for, or runs the one that they contain. Returns
/// the program's exit status: 1 if a schedule fails.
int explore(Arguments& arguments, const Workload& workload);

}  // namespace async::sim
