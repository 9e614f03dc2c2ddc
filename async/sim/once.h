// One run of a workload under one policy, as the command's arguments say.
#pragma once

#include "arguments.h"
#include "run.h"
#include "workload.h"

namespace async::sim {

SimulateOptions options(const Arguments& arguments, Machine::Hook hook = {});

/// Whether its policy follows a schedule (director.h).
bool is_directed(const Arguments& arguments);

/// With the schedule that the arguments have, if the policy takes one.
Outcome run_once(const Arguments& arguments, const Workload& workload, Machine::Hook hook);

/// Runs it once more and writes down what is decided, so that replay() does the same again.
void record(const Arguments& arguments, const Workload& workload);

}  // namespace async::sim
