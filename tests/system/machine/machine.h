// A kernel that is nothing but checks of hal/ on all harts of a machine. It speaks the boot
// protocol of docs/running.md: marks, and exit status 0 if everything held.
#pragma once

#include <hal/hart.h>

#include <cstdint>
#include <string_view>

namespace machine {

/// Harts of this machine; all of them run.
unsigned hart_count();

/// Runs `step(hart)` on every hart, this one included; comes back when all have done it. Hart 0.
void on_all_harts(void (*step)(unsigned hart));

/// Inside a step: waits for the other harts to come to the same place.
void meet();

/// Says that `what` does not hold; the run will end with status 1. Any hart.
void check(bool holds, std::string_view what);

/// One line in one piece. Any hart.
void print(std::string_view line);

/// Everything that is checked; on hart 0.
void run_checks();

}  // namespace machine
