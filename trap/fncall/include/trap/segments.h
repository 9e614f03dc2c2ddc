// The use of fs and gs while a program runs. Linux lets user mode set the bases of both segment
// registers. Compilers use fs for thread-local storage, in the kernel and in programs, and do not
// use gs.
//
//   mode         fs in user code       gs in user code     cost of a switch
//   none         the kernel's          general.gsbase      none
//   wrfsbase     general.fsbase *      the hart's record   two instructions per round trip
//   arch_prctl   general.fsbase *      the hart's record   two system calls of the host
//   rewrite      the kernel's          general.fsbase      none: programs' instructions are
//                                                          changed from fs to gs
//   fault        none: it faults       general.fsbase      two wrfsbase and an iretq; programs'
//                                                          instructions are changed at that fault
//
//   * If fsbase is 0, the program has no thread-local storage, and fs is not switched.
//
// All harts use one mode, chosen before the first program runs.
#pragma once

#include <trap/hart_record.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace trap {

enum class Segments : std::uint8_t { none, wrfsbase, arch_prctl, rewrite, fault };

/// Whether a program's instructions must use gs in place of fs.
constexpr bool turn_fs_to_gs(Segments mode) {
  return mode == Segments::rewrite || mode == Segments::fault;
}
/// Whether Linux lets user mode write segment bases (HWCAP2_FSGSBASE of AT_HWCAP2).
bool bases_are_writable();

/// Sets the mode of all harts. Call it only while no hart is attached.
void choose_segments(Segments mode);
Segments segments();

/// The gate: the address that programs use for system calls in the chosen mode. They call
/// entry_address(). Or they jump to jump_entry_address() with the return address in rcx, which
/// leaves the memory below the stack pointer unchanged.
std::uintptr_t entry_address();
std::uintptr_t jump_entry_address();

/// Prepares this thread to run programs. It takes its signals on `signal_stack` (at least 32 KiB),
/// which must exist until `detach_hart`.
void attach_hart(std::span<std::byte> signal_stack);
void detach_hart();

}  // namespace trap
