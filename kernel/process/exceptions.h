// Exceptions of a program: pages that it has to wait for, and what nobody can mend. In the strand.
#pragma once

#include <abi/signal.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>

#include <cstdint>
#include <optional>

#include "process/thread.h"

namespace kernel {

/// Whether a page can be waited for that was not to be had at once; `why`: see serve_exception().
inline bool may_be_mended(Errno why) {
  return why == Errno::erestart || why == Errno::enomem || why == Errno::enoexec;
}

/// What an exception that nobody can mend does to a program (signal(7); the kernel's own choice of
/// signal is Linux's for riscv64).
abi::Signal signal_for(trap::Trap trap, Errno why);

/// What takes longer than to serve it at once. The program tries again then, unless there is a
/// signal: that it dies of.
async::Task<std::optional<abi::Signal>> mend(Thread& self, trap::Trap trap, Errno why);
/// The same, and it dies: of what it did at `pc`.
async::Task<> mend_or_die(Thread& self, trap::Trap trap, Errno why, std::uint64_t pc);

/// Of `trap`, in what it did at `pc`.
void die_of(Thread& self, trap::Trap trap, abi::Signal signal, std::uint64_t pc);

}  // namespace kernel
