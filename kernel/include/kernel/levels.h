// The levels of the kernel's own jobs in the executor. Level 0 is the most urgent. sched/schedule.h
// has the levels of threads.
#pragma once

namespace kernel::levels {

inline constexpr unsigned driver = 0;
inline constexpr unsigned event = 1;  ///< of jobs that pass drivers' events to programs

}  // namespace kernel::levels
