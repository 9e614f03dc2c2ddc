// The exceptions of a program that serve_exception() cannot serve at once. The thread waits until
// the page is there, or gets a signal: the program runs its handler or dies. All of it runs in the
// strand.
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

/// The signal that a program gets after an exception that cannot be resolved (signal(7)). The
/// choice is Linux's for riscv64.
abi::Signal signal_for(trap::Trap trap, Errno why);

/// Waits for what the exception needs: a page of a file, memory, or a check of the code. Returns
/// nothing if the program can retry its instruction, or the signal that it gets.
async::Task<std::optional<abi::Signal>> resolve_fault(Thread& self, trap::Trap trap, Errno why);
/// Like resolve_fault(), but sends the signal if that returns one: the program runs its handler, or
/// is killed. `pc`: the address of the faulting instruction, for the log.
async::Task<> resolve_or_kill(Thread& self, trap::Trap trap, Errno why, std::uint64_t pc);

/// Kills the program with `signal`, and logs `trap` at `pc`.
void die_of(Thread& self, trap::Trap trap, abi::Signal signal, std::uint64_t pc);

}  // namespace kernel
