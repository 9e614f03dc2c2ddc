// Exploration as the command has it: what it tells, and records.
#pragma once

#include "arguments.h"
#include "workload.h"

namespace async::sim {

/// The schedules that the arguments ask for, or the one that they have. What the program ends with:
/// 1 where one fails.
int explore(Arguments& arguments, const Workload& workload);

}  // namespace async::sim
