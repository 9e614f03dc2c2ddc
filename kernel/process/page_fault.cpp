#include "process/page_fault.h"

#include <kernel/log.h>

#include <chrono>

#include "process/foreign_code.h"
#include "process/make_room.h"
#include "process/page_fetch.h"

namespace kernel {
namespace {

using trap::Trap;

/// What a fault that nobody can mend does to a program (signal(7); the kernel's own choice of
/// signal is Linux's for riscv64).
abi::Signal signal_for(Trap trap) {
  switch (trap.kind) {
    case Trap::illegal_instruction: return abi::Signal::sigill;
    case Trap::breakpoint: return abi::Signal::sigtrap;
    case Trap::misaligned: return abi::Signal::sigbus;
    case Trap::arithmetic: return abi::Signal::sigfpe;
    default: return abi::Signal::sigsegv;
  }
}

/// The same for a page that is not to be had: there is no such page, or the file it was to come
/// from ends before, or cannot be read, or there are instructions in it that this machine cannot
/// let programs run.
abi::Signal signal_for(Errno why) {
  switch (why) {
    case Errno::enxio:
    case Errno::eio: return abi::Signal::sigbus;
    case Errno::enoexec: return abi::Signal::sigill;
    default: return abi::Signal::sigsegv;
  }
}

void die(Thread& self, Trap trap, abi::Signal signal, std::uint64_t pc) {
  log("{} ({}) dies of {}: {} at {:#x}, pc {:#x}", self.process().name(), self.id(),
      abi::name(signal), trap::name(trap.kind), trap.address, pc);
  self.die_of(signal);
}

/// No memory for a page: the program tries again when somebody has made room, or ends.
async::Task<> await_memory(Thread& self) {
  if (make_room(self)) {
    (void)co_await async::sleep_for(std::chrono::milliseconds{1}, "memory");
  } else {
    log("{} ({}) is killed: out of memory", self.process().name(), self.id());
    self.die_of(abi::Signal::sigkill);
  }
}

}  // namespace

void die_of_fault(Thread& self, Trap trap) {
  die(self, trap, signal_for(trap), self.context().program_counter());
}

async::Task<> mend_page_fault(Thread& self, Trap trap, Errno why, std::uint64_t pc) {
  if (why == Errno::enoexec) {
    const auto seen = co_await see_code(self, trap.address);
    if (seen) co_return;
    why = seen.error();
  } else if (why == Errno::erestart) {
    const auto fetched = co_await fetch_page(Ref<AddressSpace>::share(self.space()), trap.address);
    if (fetched) co_return;
    why = fetched.error();
  }
  if (why == Errno::enomem) {
    co_await await_memory(self);
  } else {
    die(self, trap, signal_for(why), pc);
  }
}

}  // namespace kernel
