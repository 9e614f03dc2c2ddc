#include "process/exceptions.h"

#include <kernel/log.h>
#include <trap/signal_frame.h>
#include <trap/simulated_trap.h>

#include <chrono>

#include "process/code_rewriting.h"
#include "process/page_in.h"
#include "process/serve.h"
#include "process/signal_delivery.h"

namespace kernel {
namespace {

using trap::Trap;

/// SIGBUS: the mapped file ends before the page, or cannot be read. SIGILL: the page has
/// instructions that programs may not run on this machine. SIGSEGV: nothing is mapped there, or not
/// for this access.
abi::Signal signal_for_page(Errno why) {
  switch (why) {
    case Errno::enxio:
    case Errno::eio: return abi::Signal::sigbus;
    case Errno::enoexec: return abi::Signal::sigill;
    default: return abi::Signal::sigsegv;
  }
}

/// The process with most private pages, apart from the first one and those that end already.
Process* find_largest() {
  Process* largest = nullptr;
  for (Process& process : processes()) {
    if (process.is_ending() || process.is_zombie() || &process == &first_process()) continue;
    if (largest == nullptr || process.space().own_pages() > largest->space().own_pages()) {
      largest = &process;
    }
  }
  return largest;
}

/// Whether another process than `needy` ends and still has its memory.
bool is_another_leaving(const Process& needy) {
  for (const Process& process : processes()) {
    if (process.is_ending() && !process.is_zombie() && &process != &needy) return true;
  }
  return false;
}

/// Kills the process with most private pages, so that `needy` can retry. Never chooses the first
/// process. Kills no process while another one ends, which will free its memory. Returns false if
/// the victim would be the process of `needy` itself, or if there is none: the caller must then
/// kill that process.
bool oom_kill(Thread& needy) {
  if (is_another_leaving(needy.process())) return true;
  Process* const largest = find_largest();
  if (largest == nullptr || largest == &needy.process()) return false;
  log("out of memory: killing {} ({}), the largest process, {} pages", largest->name(),
      largest->id(), largest->space().own_pages());
  largest->terminate(abi::WaitStatus::killed(abi::Signal::sigkill));
  return true;
}

/// Called when there is no memory for a page. The program retries after the OOM kill of another
/// process, or dies itself.
async::Task<> await_memory(Thread& self) {
  if (self.is_ending()) co_return;
  if (oom_kill(self)) {
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
    default: return trap::is_bus_error(trap) ? abi::Signal::sigbus : abi::Signal::sigsegv;
  }
}

void die_of(Thread& self, Trap trap, abi::Signal signal, std::uint64_t pc) {
  log("{} ({}) is killed by SIG{}: {} at {:#x}, pc {:#x}", self.process().name(), self.id(),
      abi::name(signal), trap::name(trap.kind), trap.address, pc);
  self.die_of(signal);
}

async::Task<std::optional<abi::Signal>> resolve_fault(Thread& self, Trap trap, Errno why) {
  // A job of an upcall begins some time after the fault failed. Processes may have ended since.
  if (why == Errno::enomem && memory::can_allocate(hal::page_size)) {
    const auto served = serve_exception(self, trap);
    if (served) co_return std::nullopt;
    why = served.error();
  }
  if (why == Errno::enoexec) {
    const auto seen = co_await see_code(self, trap.address);
    if (seen) co_return std::nullopt;
    why = seen.error();
  } else if (why == Errno::would_block) {
    const auto paged_in = co_await page_in(Ref<AddressSpace>::share(self.space()), trap.address);
    if (paged_in) co_return std::nullopt;
    why = paged_in.error();
  }
  if (why != Errno::enomem) co_return signal_for(trap, why);
  co_await await_memory(self);
  co_return std::nullopt;
}

namespace {

/// The code of the signal of an exception (sigaction(2)).
int code_for(Thread& self, Trap trap, abi::Signal signal) {
  if (const int code = trap::code_of_exception(trap); code != 0) return code;
  switch (signal) {
    case abi::Signal::sigsegv: {
      const hal::VirtAddr page = hal::page_down(trap.address);
      const bool is_mapped = self.space().user_range().may_have(page) &&
                             self.space().is_mapped(page, page + hal::page_size);
      return is_mapped ? abi::segv_accerr : abi::segv_maperr;
    }
    case abi::Signal::sigbus: return abi::bus_adrerr;
    default: return trap::illegal_instruction_code;
  }
}

abi::SignalInfo info_of(Thread& self, Trap trap, abi::Signal signal) {
  const bool has_address = trap.kind == Trap::page_fault || trap.kind == Trap::misaligned;
  const int code = code_for(self, trap, signal);
  std::uint64_t address = has_address ? trap.address : self.context().program_counter();
  if (code == abi::si_kernel) address = 0;
  return {.signal = static_cast<int>(signal), .code = code, .address = address};
}

// Not inlined, so that the information is not in the frame of a coroutine.
[[gnu::noinline]] void raise_or_die(Thread& self, Trap trap, abi::Signal signal, std::uint64_t pc) {
  if (!raise_fault(self, info_of(self, trap, signal))) die_of(self, trap, signal, pc);
}

}  // namespace

async::Task<> resolve_or_kill(Thread& self, Trap trap, Errno why, std::uint64_t pc) {
  if (const auto signal = co_await resolve_fault(self, trap, why)) {
    raise_or_die(self, trap, *signal, pc);
  } else if (!self.is_ending()) {
    trap::simulate_trap<trap::Cause::restart>(self.context());
  }
}

}  // namespace kernel
