// One scheduler across the boundary: a program's own scheduler and the kernel's tell each other, in
// memory that they share, how urgent what they have ready is. Neither makes a call for it.
//
//   share_priority(address)
//     From now on the kernel reads and writes the SharedPriority at `address`, a multiple of 8, for
//     the calling thread, whenever somebody else is ready and it decides who runs. Each such call
//     also is an occasion for it: the thread gives way if it should. 0: no more of that. So it is
//     after execve, and if the memory is gone. EINVAL, EFAULT.
//
// A thread's limit is what it would be without (sched_setscheduler, nice): `content` makes it less
// urgent than that, never more.
#pragma once

#include <abi/numbers.h>

#include <cstdint>

namespace abi {

struct alignas(8) SharedPriority {
  // The program's: how many levels below its limit the most urgent lies that it has to do. 0 … 31;
  // more is 31. However many, it is not below the level of nice 19.
  std::uint32_t content = 0;
  // The kernel's: the same of the most urgent of the others that wait for this hart, as far as is
  // known; nobody_waits. A thread that is content with more should give way.
  std::uint32_t waiting = 32;
};
inline constexpr std::uint32_t nobody_waits = 32;

inline constexpr Call share_priority{first_private_call + 6};

}  // namespace abi
