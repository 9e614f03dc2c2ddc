// Copying and freeing the memory of a large process in steps (process/steps.h), so that other jobs
// run in between.
#pragma once

#include <async/async.h>

#include "memory/address_space.h"
#include "process/thread.h"

namespace kernel {

/// Whether the memory of `self` is too large for one step, and no other thread or process can
/// change it in the meantime. copy_memory() and give_back_memory() need that.
bool has_large_memory_alone(Thread& self);

/// Copies the address space for a child process (fork).
async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self);

/// Drops the pages of [start, end), as MADV_DONTNEED does (AddressSpace::discard).
async::Task<> discard_memory(Thread& self, hal::VirtAddr start, hal::VirtAddr end);

/// Frees the memory of `self`, which ends or executes another program.
async::Task<> give_back_memory(Thread& self);

}  // namespace kernel
