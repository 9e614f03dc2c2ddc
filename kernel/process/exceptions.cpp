#include "process/exceptions.h"

#include <kernel/log.h>

#include <chrono>

#include "process/foreign_code.h"
#include "process/make_room.h"
#include "process/page_fetch.h"

namespace kernel {
namespace {

using trap::Trap;

/// For a page that is not to be had: there is no such page, or the file it was to come from ends
/// before, or cannot be read, or there are instructions in it that this machine cannot let programs
/// run.
abi::Signal signal_for_page(Errno why) {
  switch (why) {
    case Errno::enxio:
    case Errno::eio: return abi::Signal::sigbus;
    case Errno::enoexec: return abi::Signal::sigill;
    default: return abi::Signal::sigsegv;
  }
}

/// No memory for a page: the program tries again when somebody has made room, or ends.
async::Task<> await_memory(Thread& self) {
  if (self.is_ending()) co_return;
  if (make_room(self)) {
    (void)co_await async::sleep_for(std::chrono::milliseconds{1}, "memory");
  } else {
    log("{} ({}) is killed: out of memory", self.process().name(), self.id());
    self.die_of(abi::Signal::sigkill);
  }
}

}  // namespace

abi::Signal signal_for(Trap trap, Errno why) {
  switch (trap.kind) {
    case Trap::page_fault: return signal_for_page(why);
    case Trap::illegal_instruction: return abi::Signal::sigill;
    case Trap::breakpoint: return abi::Signal::sigtrap;
    case Trap::misaligned: return abi::Signal::sigbus;
    case Trap::arithmetic: return abi::Signal::sigfpe;
    default: return abi::Signal::sigsegv;
  }
}

void die_of(Thread& self, Trap trap, abi::Signal signal, std::uint64_t pc) {
  log("{} ({}) dies of {}: {} at {:#x}, pc {:#x}", self.process().name(), self.id(),
      abi::name(signal), trap::name(trap.kind), trap.address, pc);
  self.die_of(signal);
}

async::Task<std::optional<abi::Signal>> mend(Thread& self, Trap trap, Errno why) {
  if (why == Errno::enoexec) {
    const auto seen = co_await see_code(self, trap.address);
    if (seen) co_return std::nullopt;
    why = seen.error();
  } else if (why == Errno::erestart) {
    const auto fetched = co_await fetch_page(Ref<AddressSpace>::share(self.space()), trap.address);
    if (fetched) co_return std::nullopt;
    why = fetched.error();
  }
  if (why != Errno::enomem) co_return signal_for(trap, why);
  co_await await_memory(self);
  co_return std::nullopt;
}

async::Task<> mend_or_die(Thread& self, Trap trap, Errno why, std::uint64_t pc) {
  if (const auto signal = co_await mend(self, trap, why)) die_of(self, trap, *signal, pc);
}

}  // namespace kernel
