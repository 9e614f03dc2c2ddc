// Faults of a program: pages that it has to wait for, and what nobody can mend. In the strand.
#pragma once

#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>

#include <cstdint>

#include "process/thread.h"

namespace kernel {

/// What takes longer than to make a page there; `why` is AddressSpace::fault's. The program, which
/// was at `pc`, tries again then, or dies of it.
async::Task<> mend_page_fault(Thread& self, trap::Trap trap, Errno why, std::uint64_t pc);

void die_of_fault(Thread& self, trap::Trap trap);

}  // namespace kernel
