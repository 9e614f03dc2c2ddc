// Harts as threads, each with an executor. An idle hart sleeps until it receives an IPI or its
// alarm is due.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "async/async.h"

namespace parallel_test {

inline constexpr unsigned hart_count = 4;

/// Starts the harts; each calls `begin(hart)` first. Runs `main()` as a job that may use all harts,
/// and returns when it has ended. After `limit` prints the wait graph and fails.
void run_harts(std::chrono::seconds limit, const std::function<void(unsigned hart)>& begin,
               const std::function<async::Task<>()>& main);

/// The number of migrations between harts in the last run.
std::uint64_t migrations();

}  // namespace parallel_test
