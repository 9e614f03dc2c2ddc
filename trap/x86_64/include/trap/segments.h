// Who has fs and gs while a program runs. Linux gives user mode two registers that are nobody's
// business but point somewhere: compilers have fs for thread-local storage, the kernel's and the
// programs' alike, and use gs for nothing.
//
//   mode         fs in user code       gs in user code     what switching costs
//   none         the kernel's          general.gsbase      nothing
//   wrfsbase     general.fsbase *      the hart's record   two instructions a round trip
//   arch_prctl   general.fsbase *      the hart's record   two of the host's system calls
//   rewrite      the kernel's          general.fsbase      nothing: programs' instructions are
//                                                          changed from fs to gs
//
//   * where that is 0, the program has no thread-local storage, and nothing is switched
//
// One mode for the process, chosen before the first program runs.
#pragma once

#include <trap/hart_record.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace trap {

enum class Segments : std::uint8_t { none, wrfsbase, arch_prctl, rewrite };

/// Linux lets programs write the two bases, and says so in the auxiliary vector (AT_HWCAP2).
bool bases_are_writable();

/// Before the first `attach_hart`, or while no thread is attached.
void choose_segments(Segments mode);
Segments segments();

/// What programs call, of the mode chosen: `entry` by a call, `jump_entry` with the address to come
/// back to in rcx, which then leaves everything below their stack pointer alone.
std::uintptr_t entry_address();
std::uintptr_t jump_entry_address();

/// From now on this thread can run programs, and takes its signals on `signal_stack`, 32 KiB or
/// more, which stays until `detach_hart`.
void attach_hart(std::span<std::byte> signal_stack);
void detach_hart();

}  // namespace trap
