// What a trap asks for that needs no waiting: part of a thread's life (life.cpp), and all that the
// handler of the other trap shape does (trap_handler.cpp). In the strand.
#pragma once

#include <kernel/result.h>
#include <trap/fpu.h>
#include <trap/trap.h>

#include "process/thread.h"
#include "syscalls/table.h"

namespace kernel {

/// Answers the call that the program makes, and goes past its instruction. False: it has to wait.
inline bool serve_syscall(Thread& self, trap::UserContext& context) {
  ++self.syscalls;  // and so of the router's row for what programs ask for and do wrong
  context.skip_syscall_instruction();
  const auto result = find_syscall(context.syscall_number()).now(self, context);
  if (result == trap::must_wait) return false;
  context.set_syscall_result(result);
  return true;
}

/// An exception that is no page's: gives the program the registers that it has asked for by using
/// them. Otherwise EFAULT.
[[gnu::noinline]] inline Result<> serve_instruction(Thread& self, trap::Trap trap) {
  const bool served =
      trap.kind == trap::Trap::illegal_instruction && trap::fpu::acquire(self.context());
  return served ? Result<>{} : fail(Errno::efault);
}

/// The same, or makes the page there: AddressSpace::fault's errors.
inline Result<> serve_exception(Thread& self, trap::Trap trap) {
  if (trap.kind != trap::Trap::page_fault) [[unlikely]]
    return serve_instruction(self, trap);
  memory::AddressSpace& space = self.space();
  if (auto made = space.fault(trap.address, trap.access); !made) return made;
  if (space.code_written()) space.synchronize_code();
  return {};
}

}  // namespace kernel
