// One run of a workload under one policy, as the arguments say. Its decisions can be recorded, and
// a recording can be replayed.
#pragma once

#include <span>
#include <string>

#include "arguments.h"
#include "run.h"
#include "workload.h"

namespace async::sim {

SimulateOptions options(const Arguments& arguments, Machine::Hook hook = {});

/// Whether the policy in `arguments` follows a schedule (director.h).
bool is_directed(const Arguments& arguments);

/// Runs the workload, under the schedule in the arguments if the policy is directed.
Outcome run_once(const Arguments& arguments, const Workload& workload, Machine::Hook hook);

/// Runs the workload once more and writes its decisions to a file for replay(). Exits on errors.
void record(const Arguments& arguments, const Workload& workload);

/// Replays the recording in the file at `path`, with the further arguments `words`, and compares
/// the decisions. Returns the program's exit status: 1 if a decision differs.
int replay(const std::string& path, std::span<char*> words);

}  // namespace async::sim
