// Serving traps that need no waiting: part of run_thread() (life.cpp), and all that the handler of
// the trap shape `handler` does (trap_handler.cpp). serve_outside() and serve_fault_sharing() are
// called outside the strand, try_fault_sharing() by a caller that shares it, and the others in the
// strand.
#pragma once

#include <kernel/result.h>
#include <trap/cause.h>
#include <trap/fpu.h>
#include <trap/trap.h>

#include "process/syscall_table.h"
#include "process/thread.h"
#include "process/vdso.h"
#include "trace/points.h"

namespace kernel {

/// Whether the system call with this result has to wait. After upcall_resume() and rt_sigreturn()
/// the result is what the loaded registers have in the result register, which may be any value. So
/// it is if the call is made again after the thread has stopped for its tracer (tracing.h). Each
/// trap sets the cause, so it is one of these three only if this call has set it.
inline bool has_to_wait(const trap::UserContext& context, trap::Register result) {
  if (result != trap::would_block) [[likely]]
    return false;
  const std::uint64_t cause = context.last_cause();
  return cause != static_cast<std::uint64_t>(trap::Cause::resume) &&
         cause != static_cast<std::uint64_t>(trap::Cause::sigreturn) &&
         cause != static_cast<std::uint64_t>(trap::Cause::restart);
}

/// Skips the instruction of the system call, makes the call and sets its result. Returns false,
/// without a result, if the call has to wait.
inline bool serve_syscall(Thread& self, trap::UserContext& context) {
  ++self.syscalls;  // the router's row for system calls shows this count
  context.skip_syscall_instruction();
  const auto result = answer_syscall(self, context);
  if (has_to_wait(context, result)) return false;
  if (trace::is_on()) trace::note_result(result);
  context.set_syscall_result(result);
  return true;
}

/// Tries to make the system call outside the strand, where several harts run. Returns
/// - Trap::call_answered: the step shares the strand afterwards;
/// - Trap::would_block: the call waits, and the step shares the strand or is in it;
/// - Trap::syscall: the call must be made in the strand.
inline trap::Trap::Kind serve_outside(Thread& self, trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  const SyscallTable& table = *answering_syscalls.table;
  const auto& entry = table[number];
  const bool needs_none = entry.form == trap::CallForm::no_strand;
  const auto answer = needs_none ? entry.answer : table.outside(number);
  if (answer == nullptr) return trap::Trap::syscall;
  const auto result = answer(self, context);
  const bool blocks = result == trap::would_block;
  if (blocks && !async::Strand::is_shared() && !async::Strand::is_held())
    return trap::Trap::syscall;
  ++self.syscalls;
  context.skip_syscall_instruction();
  if (blocks) return trap::Trap::would_block;
  context.set_syscall_result(result);
  async::Strand::Sharing{}.keep();
  return trap::Trap::call_answered;
}

/// Tries to serve a page fault where several harts run. The caller shares the strand.
inline bool try_fault_sharing(Thread& self, trap::Trap trap) {
  AddressSpace& space = self.space();
  return self.owns_space() ? space.fault_own(trap.address, trap.access)
                           : space.fault_in_use(trap.address, trap.access);
}
/// The same for a step outside the strand. If true, the step shares the strand.
inline bool serve_fault_sharing(Thread& self, trap::Trap trap) {
  if (trap.kind != trap::Trap::page_fault || trace::is_on()) return false;
  async::Strand::Sharing sharing;
  sharing.tell();
  if (!try_fault_sharing(self, trap)) return false;
  sharing.keep();
  return true;
}

/// Loads the floating-point or vector registers that the program's instruction needs. Returns false
/// if it needs none.
inline bool load_registers(Thread& self, trap::Trap trap) {
  if (!trap::fpu::acquire(self.context(), trap)) return false;
  Process& process = self.process();
  if (self.id() != process.id() && !process.threads_use_floating_point())
    process.note_floating_point_of_thread();
  return true;
}

/// Serves an exception that is not a page fault: enables the floating-point or vector registers at
/// their first use. ENOMEM if there is no memory to save vector registers in. EFAULT for every
/// other exception.
[[gnu::noinline]] inline Result<> serve_instruction(Thread& self, trap::Trap trap) {
  if (trap.kind != trap::Trap::illegal_instruction) return fail(Errno::efault);
  const std::size_t bytes = trap::fpu::bytes_to_acquire(self.context(), trap);
  if (bytes != 0 && !memory::can_allocate(bytes)) [[unlikely]]
    return fail(Errno::enomem);
  return load_registers(self, trap) ? Result<>{} : fail(Errno::efault);
}

/// Serves an exception, page faults included. The errors are those of AddressSpace::fault().
/// ENOEXEC also if the machine cannot run the instruction as it is (process/code_rewriting.h).
inline Result<> serve_exception(Thread& self, trap::Trap trap) {
  if (trap.kind != trap::Trap::page_fault) [[unlikely]]
    return serve_instruction(self, trap);
  memory::AddressSpace& space = self.space();
  if (auto made = space.fault(trap.address, trap.access); !made) [[unlikely]] {
    if (made.error() == Errno::efault && vdso::map_at(self, trap.address)) return {};
    if (memory::is_instruction_to_change(trap.address)) return fail(Errno::enoexec);
    return made;
  }
  if (space.code_written()) space.synchronize_code();
  return {};
}

}  // namespace kernel
