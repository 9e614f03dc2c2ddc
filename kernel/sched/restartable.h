// Restartable sequences (rseq(2)): short pieces of a program that change data of the hart on which
// they run, without atomic instructions. If another thread has run on the hart meanwhile, or a
// signal is delivered, the sequence begins again at a place that the program has named.
//
//   the thread's area:  hart │ address of the sequence that runs, or 0    (abi/restartable.h)
//   the sequence:       [start, start + bytes), and where it restarts
#pragma once

#include <kernel/result.h>

#include <cstdint>

namespace kernel {

namespace memory {
class AddressSpace;
}
class Runnable;

/// Call it in two cases. Before `thread` runs its program again, if another thread may have run on
/// this hart since `thread` was preempted, or if `thread` comes from another hart. And before a
/// signal changes its program counter.
///
/// Writes this hart into the area of `thread`, which has one. If the program counter is in the
/// sequence that the area names, moves it to the place where that sequence restarts. If the area or
/// the sequence is invalid, moves it to an address that no program has: the thread gets SIGSEGV.
///
/// In the strand or sharing it. Afterwards the step may be in the strand.
void restart_sequence(Runnable& thread);

/// Writes the number of a hart, or abi::no_hart, into an area. EFAULT; in a step that shares the
/// strand also would_block.
Result<> name_hart(memory::AddressSpace& space, std::uintptr_t area, std::uint32_t hart);

}  // namespace kernel
