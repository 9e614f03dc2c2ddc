// Shared priorities: a program's scheduler and the kernel's exchange the urgency of their ready
// jobs in shared memory. Neither makes a call for that.
//
//   share_priority(address)
//     Enables the exchange for the calling thread. From then on the kernel reads and writes the
//     SharedPriority at `address`, a multiple of 8, when other jobs are ready and it decides which
//     job runs. The call itself is also such a decision. The address 0 ends the exchange. execve
//     ends it, too, and so does the kernel if the memory is unmapped. EINVAL, EFAULT.
//
// A thread's limit is its level without this exchange (sched_setscheduler, nice). `demotion` makes
// it less urgent than that, never more.
#pragma once

#include <abi/numbers.h>

#include <cstdint>

namespace abi {

struct alignas(8) SharedPriority {
  // The program's: how many levels its most urgent ready job is below the thread's limit (above).
  // 0 … 31; more means 31. A demotion alone never takes the thread below the level of nice 19.
  std::uint32_t demotion = 0;
  // The kernel's: how many levels the most urgent other ready job of this hart is below the limit,
  // or no_job_waits. A thread with a higher `demotion` should yield.
  std::uint32_t waiting = 32;
};
inline constexpr std::uint32_t no_job_waits = 32;

inline constexpr Call share_priority{first_private_call + 6};

}  // namespace abi
