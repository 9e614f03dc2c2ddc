// Memory of very many pages is copied and given back in steps (syscalls/steps.h): what else wants
// to run does so in between.
#pragma once

#include <async/async.h>

#include "memory/address_space.h"
#include "process/thread.h"

namespace kernel {

/// Whether the memory of `self` is more than one step goes through, and its alone: nobody else
/// changes it meanwhile. What the calls below without a range are for.
bool has_large_memory_alone(Thread& self);

/// A copy for a new process.
async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self);

/// Makes the private pages of [start, end) begin anew.
async::Task<> discard_memory(Thread& self, hal::VirtAddr start, hal::VirtAddr end);

/// At the end of `self`, or when it gets another program: nobody will need its memory any more.
async::Task<> give_back_memory(Thread& self);

}  // namespace kernel
