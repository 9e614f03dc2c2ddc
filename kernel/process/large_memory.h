// Memory of very many pages is copied and given back in steps (syscalls/steps.h): what else wants
// to run does so in between.
#pragma once

#include <async/async.h>

#include "memory/address_space.h"
#include "process/thread.h"

namespace kernel {

/// A copy of the memory of `self` for a new process.
async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self);
/// Whether that has to go in steps, and can: nobody else changes the memory meanwhile.
bool copies_in_steps(Thread& self);

/// Makes the private pages of [start, end) begin anew.
async::Task<> discard_memory(Thread& self, hal::VirtAddr start, hal::VirtAddr end);

/// At the end of `self`, or when it gets another program: nobody will need the memory that is its
/// alone any more, and there is more of it than one step gives back.
bool has_memory_to_give_back(Thread& self);
async::Task<> give_back_memory(Thread& self);

}  // namespace kernel
