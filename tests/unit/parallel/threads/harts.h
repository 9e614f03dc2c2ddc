// Harts that are threads, each with an executor that idles until it is ipi_sent or its alarm is
// due.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "async/async.h"

namespace parallel_test {

inline constexpr unsigned hart_count = 4;

/// Begins each hart with `begin(hart)`, there, and runs `main()` as a job that may use all of them;
/// returns when that has ended. Where it takes longer than `limit`, says who waits for what and
/// fails.
void run_harts(std::chrono::seconds limit, const std::function<void(unsigned hart)>& begin,
               const std::function<async::Task<>()>& main);

/// Jobs that came to any of them from another one, in the last run.
std::uint64_t migrations();

}  // namespace parallel_test
