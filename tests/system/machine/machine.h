// A kernel that only checks hal/ on all harts of a machine. It speaks the boot
// protocol of docs/running.md: marks, and exit status 0 if all checks held.
#pragma once

#include <hal/hart.h>

#include <cstdint>
#include <string_view>

namespace machine {

/// The number of harts of this machine; all of them run.
unsigned hart_count();

inline hal::HartMask others_than(unsigned hart) {
  return hal::running_harts() & ~hal::mask_of(hart);
}

/// Runs `step(hart)` on every hart, including this one, and returns when all are done. Only on hart
/// 0.
void on_all_harts(void (*step)(unsigned hart));

/// Barrier: waits until all harts have called it. Only inside a step.
void meet();

/// Prints that `what` does not hold; the run will end with status 1. On any hart.
void check(bool holds, std::string_view what);

/// Whether a check has failed. On any hart.
bool has_failed();

/// Prints one line, not interleaved with other harts' lines. On any hart.
void print(std::string_view line);

/// Checks the machine's first disk, if it has one; on hart 0.
void check_disk();

/// Checks copies of memory; on hart 0.
void check_copies();

/// Checks flushes of other harts' translations; on hart 0.
void check_flushes();

/// Runs all checks; on hart 0.
void run_checks();

}  // namespace machine
