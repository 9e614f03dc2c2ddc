// The exceptions of a program that serve_exception() cannot serve at once. The thread waits until
// the page is there, or the program dies of a signal. All of it runs in the strand.
#pragma once

#include <abi/signal.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>

#include <cstdint>
#include <optional>

#include "process/thread.h"

namespace kernel {

/// Whether waiting may help after serve_exception() has failed with `why`.
inline bool may_be_resolved(Errno why) {
  return why == Errno::would_block || why == Errno::enomem || why == Errno::enoexec;
}

/// The signal of which a program dies after an exception that cannot be resolved (signal(7)). The
/// choice is Linux's for riscv64.
abi::Signal signal_for(trap::Trap trap, Errno why);

/// Waits for what the exception needs: a page of a file, memory, or a check of the code. Returns
/// nothing if the program can retry its instruction, or the signal of which it dies.
async::Task<std::optional<abi::Signal>> resolve_fault(Thread& self, trap::Trap trap, Errno why);
/// Like resolve_fault(), but kills the program if that returns a signal. `pc`: the address of the
/// faulting instruction, for the log.
async::Task<> resolve_or_kill(Thread& self, trap::Trap trap, Errno why, std::uint64_t pc);

/// Kills the program with `signal`, and logs `trap` at `pc`.
void die_of(Thread& self, trap::Trap trap, abi::Signal signal, std::uint64_t pc);

}  // namespace kernel
