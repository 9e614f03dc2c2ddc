// futex(), whose most frequent form by far answers in the fast path without a call: a wake, and
// nobody waits.
#pragma once

#include <abi/flags.h>
#include <kernel/result.h>
#include <trap/answer.h>
#include <trap/waiting_call.h>

#include <cstdint>

#include "process/futex.h"
#include "process/thread.h"

namespace kernel::sys {

/// All others.
trap::Attempt<Result<int>> try_any_futex(Thread&, std::uintptr_t address, int operation,
                                         std::uint32_t value, std::uintptr_t timeout,
                                         std::uintptr_t address2, std::uint32_t value3);

inline trap::Attempt<Result<int>> try_futex(Thread& self, std::uintptr_t address, int operation,
                                            std::uint32_t value, std::uintptr_t timeout,
                                            std::uintptr_t address2, std::uint32_t value3) {
  constexpr int private_wake = abi::futex_wake | abi::futex_private_flag;
  if (operation == private_wake && Futex::may_be_at(self.space(), address)) {
    return Result<int>{Futex::own(self.space(), address).wake(static_cast<int>(value))};
  }
  return try_any_futex(self, address, operation, value, timeout, address2, value3);
}

trap::WaitingCall futex(Thread&, std::uintptr_t address, int operation, std::uint32_t value,
                        std::uintptr_t timeout, std::uintptr_t address2, std::uint32_t value3);

}  // namespace kernel::sys
