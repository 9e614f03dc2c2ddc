// System calls that change a file that a path names, for calls of x86_64 that have other arguments
// (dispatch/x86_64/adapters.cpp). Their sources describe them.
#pragma once

#include <abi/types.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>

#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

Result<> fchmodat(Thread&, int directory, UserPtr<const char> path, unsigned mode);
Result<> fchownat(Thread&, int directory, UserPtr<const char> path, std::uint32_t uid,
                  std::uint32_t gid, int flags);
Result<> mknodat(Thread&, int directory, UserPtr<const char> path, unsigned mode,
                 std::uint32_t device);

/// The times of the last access and of the last change.
using FileTimes = std::array<abi::Timespec, 2>;
inline constexpr FileTimes times_now{{{0, abi::utime_now}, {0, abi::utime_now}}};
/// utimensat(2) with the times themselves.
Result<> set_times(Thread&, int directory, UserPtr<const char> path, const FileTimes& times,
                   int flags);

}  // namespace kernel::sys
