// What the calls of System V IPC have in common.
#pragma once

#include <abi/ipc.h>

#include "ipc/objects.h"
#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/thread.h"

namespace kernel::sys {

inline ipc::Caller caller_of(Thread& self) {
  return {.process = self.process().id(), .owns_all = self.process().has(Capability::ipc_owner)};
}

/// The result of a call that writes `status` for an object: 0, or the object's number for the
/// commands that name an object by its place.
template <class Status>
Result<int> write_status(Thread& self, std::uintptr_t to, const Status& status, int result) {
  return UserPtr<Status>{to}.write(self.space(), status).transform([&] { return result; });
}

/// IPC_STAT, SEM_STAT and SEM_STAT_ANY: sets `status`, and returns the result of semctl. EINVAL,
/// EACCES.
Result<int> semaphore_status(Thread& self, int number, int command, abi::SemaphoreStatus& status);
Result<int> semctl(Thread& self, int number, unsigned semaphore, int command,
                   std::uintptr_t argument);

/// Calls write() -> Result<std::size_t>, which writes a message that is in no queue any more, and
/// calls it again after each page-in. Signals do not interrupt that: the message would be lost.
template <class Write>
async::Task<Result<std::size_t>> write_at_last(Thread& self, Write write) {
  for (;;) {
    const auto written = write();
    if (written || written.error() != Errno::would_block) co_return written;
    const async::Shield whole;
    const auto space = Ref<memory::AddressSpace>::share(self.space());
    if (auto there = co_await page_in_missed(space); !there) co_return fail(there.error());
  }
}

}  // namespace kernel::sys
