// ptrace: a process controls the threads that it traces, while they are stopped.
#include <abi/flags.h>
#include <abi/ptrace.h>
#include <trap/register_sets.h>
#include <trap/signal_frame.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "memory/area_change.h"
#include "process/page_in.h"
#include "process/signal_delivery.h"
#include "process/tracing.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using abi::PtraceRequest;
using memory::AddressSpace;
using memory::UserPtr;
using Word = std::uint64_t;

constexpr std::size_t mask_bytes = sizeof(abi::SignalSet);

/// A view of bytes of the thread's memory up to the end of a page, which a debugger may access
/// although the program may not. EIO; would_block: it needs a page-in.
Result<std::byte*> view_for_debugger(AddressSpace& space, std::uintptr_t at, hal::Access wanted) {
  auto there = space.fault_in(at, wanted);
  if (there || there.error() == Errno::would_block) return there;
  const std::uintptr_t page = hal::page_down(at);
  if (!space.user_range().may_have(page) || !space.is_mapped(page, page + hal::page_size))
    return fail(Errno::eio);
  const memory::Area* const area = space.areas().first_after(page);
  if (area == nullptr || !area->contains(page)) return fail(Errno::eio);
  if (area->backing.is_shared() || area->backing.is_read_only) return fail(Errno::eio);
  const hal::Access usual = area->access;
  const hal::Access wide = hal::Access::read | wanted;
  if (auto changed = space.protect(page, hal::page_size, wide); !changed) return fail(Errno::eio);
  there = space.fault_in(at, wanted);
  const auto restored = space.protect(page, hal::page_size, usual);
  if (space.code_written()) space.synchronize_code();
  if (there && restored) return there;
  return fail(blocks(there) ? Errno::would_block : Errno::eio);
}

/// Reads or writes a word of the thread's memory. Its other threads may run and change the areas in
/// steps meanwhile, so this takes a turn. EIO; EINTR.
async::Task<Result<>> move_word(Thread& self, Ref<AddressSpace> space, std::uintptr_t at,
                                Word& word, hal::Access wanted) {
  const Ref<memory::AreaChange> change = space->join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn) co_return fail(Errno::eintr);
  auto* const bytes = reinterpret_cast<std::byte*>(&word);
  for (std::size_t done = 0; done < sizeof word;) {
    const auto there = co_await with_page_ins(
        self, space, [&] { return view_for_debugger(*space, at + done, wanted); });
    if (!there) co_return fail(there.error() == Errno::eintr ? Errno::eintr : Errno::eio);
    const std::size_t in_page = hal::page_size - (at + done) % hal::page_size;
    const std::size_t piece = std::min(sizeof word - done, in_page);
    if (wanted == hal::Access::read) {
      std::memcpy(bytes + done, *there, piece);
    } else {
      std::memcpy(*there, bytes + done, piece);
      space->synchronize_code();
    }
    done += piece;
  }
  co_return Result<>{};
}

async::Task<Result<>> peek(Thread& self, Ref<AddressSpace> space, std::uintptr_t at,
                           std::uintptr_t to) {
  Word word = 0;
  if (auto moved = co_await move_word(self, std::move(space), at, word, hal::Access::read); !moved)
    co_return moved;
  co_return memory::copy_to_user(self.space(), to, &word, sizeof word);
}

async::Task<Result<>> poke(Thread& self, Ref<AddressSpace> space, std::uintptr_t at, Word word) {
  co_return co_await move_word(self, std::move(space), at, word, hal::Access::write);
}

/// Whether the caller may trace the process (ptrace(2), PTRACE_MODE_ATTACH_REALCREDS).
bool may_trace(Thread& self, Process& process) {
  constexpr auto sys_ptrace = Capability::sys_ptrace;
  if (self.process().has(sys_ptrace)) return true;
  const auto wanted = process.capabilities().permitted;
  return (wanted & ~self.process().capabilities().permitted) == 0 && process.settings().is_dumpable;
}

/// PTRACE_ATTACH, or PTRACE_SEIZE with options.
Result<> attach(Thread& self, int id, Tracee::Attached how, unsigned options = 0) {
  Thread* const thread = threads().find(id);
  if (thread == nullptr) return fail(processes().find(id) != nullptr ? Errno::eperm : Errno::esrch);
  Process& process = thread->process();
  const bool is_first = &process == &first_process();  // its end stops the machine
  if (&process == &self.process() || is_first || !may_trace(self, process) || thread->is_ending() ||
      thread->tracee() != nullptr) {
    return fail(Errno::eperm);
  }
  const auto begun = Tracee::begin(*thread, self.process(), options, how);
  if (!begun) return fail(begun.error());
  if (how == Tracee::Attached::usual)
    thread->post_signal({.signal = static_cast<int>(abi::Signal::sigstop), .code = abi::si_kernel});
  if (process.is_stopped()) {
    thread->resume();
    (*begun)->stop_with_process();
  }
  return {};
}

Result<> seize(Thread& self, int id, std::uintptr_t address, Word options) {
  if (threads().find(id) == nullptr && processes().find(id) == nullptr) return fail(Errno::esrch);
  if (address != 0 || (options & ~Word{abi::ptrace_options}) != 0) return fail(Errno::eio);
  return attach(self, id, Tracee::Attached::seized, static_cast<unsigned>(options));
}

Result<> trace_me(Thread& self) {
  Process* const parent = self.process().parent();
  if (self.tracee() != nullptr || parent == nullptr) return fail(Errno::eperm);
  return Tracee::begin(self, *parent).transform([](Tracee*) {});
}

// ── Registers ──

/// Moves the first bytes of a register set to the tracer, or from it. `vector`: an iovec, which
/// gets the number of bytes. EINVAL: its length is no multiple of a register's; EFAULT.
template <class Set>
Result<> move_registers(Thread& self, trap::UserContext& context, UserPtr<abi::IoVector> vector,
                        bool reads) {
  auto to = vector.read(self.space());
  if (!to) return fail(to.error());
  if (to->length % sizeof(Word) != 0) return fail(Errno::einval);
  Set set = Set::of(context);
  to->length = std::min(to->length, sizeof set);
  const auto moved = reads ? memory::copy_to_user(self.space(), to->base, &set, to->length)
                           : memory::copy_from_user(self.space(), &set, to->base, to->length);
  if (!moved) return moved;
  if (!reads) set.load(context);
  return vector.write(self.space(), *to);
}

Result<> move_register_set(Thread& self, Thread& of, Word type, std::uintptr_t vector, bool reads) {
  const UserPtr<abi::IoVector> place{vector};
  switch (type) {
    case abi::general_registers:
      return move_registers<trap::GeneralSet>(self, of.context(), place, reads);
    case abi::floating_registers:
      return move_registers<trap::FloatingSet>(self, of.context(), place, reads);
    default: return fail(Errno::einval);
  }
}

/// Writes as much of the description of the call as the tracer has room for. Returns the size of
/// all of it.
Result<std::size_t> describe_call(Thread& self, const Tracee& tracee, std::size_t room,
                                  std::uintptr_t to) {
  const trap::UserContext& context = tracee.thread()->context();
  abi::PtraceSyscallInfo info{};
  info.architecture = trap::audit_architecture;
  info.program_counter = context.program_counter();
  info.stack_pointer = context.stack();
  std::size_t size = offsetof(abi::PtraceSyscallInfo, entry);
  if (tracee.stop() == Tracee::Stop::entry) {
    info.operation = 1;
    info.entry.number = trap::linux_number(context);
    const auto arguments = context.syscall_arguments();
    const std::uint64_t* const first = arguments;
    std::copy_n(first, std::size(info.entry.arguments), info.entry.arguments);
    size += sizeof info.entry;
  } else if (tracee.stop() == Tracee::Stop::exit) {
    constexpr std::int64_t greatest_error = 4095;
    info.operation = 2;
    info.exit.result = static_cast<std::int64_t>(context.syscall_result());
    info.exit.is_error = info.exit.result < 0 && info.exit.result >= -greatest_error;
    size += offsetof(decltype(info.exit), is_error) + 1;
  }
  auto written = memory::copy_to_user(self.space(), to, &info, std::min(size, room));
  return written.transform([&] { return size; });
}

// ── Requests about a stopped thread ──

Result<> move_mask(Thread& self, Thread& of, Word bytes, std::uintptr_t mask, bool reads) {
  if (bytes != mask_bytes) return fail(Errno::einval);
  const UserPtr<abi::SignalSet> place{mask};
  if (reads) return place.write(self.space(), of.signal_mask());
  const auto given = place.read(self.space());
  if (!given) return fail(given.error());
  of.set_signal_mask(*given);
  return {};
}

/// PTRACE_GETSIGINFO, PTRACE_SETSIGINFO. EINVAL: the thread stops without a signal.
Result<> move_info(Thread& self, Tracee& tracee, std::uintptr_t at, bool reads) {
  abi::SignalInfo* const info = tracee.info();
  if (info == nullptr) return fail(Errno::einval);
  if (reads)
    return UserPtr<abi::PaddedSignalInfo>{at}.write(self.space(), {.info = *info, .zeros = {}});
  const auto given = UserPtr<const abi::SignalInfo>{at}.read(self.space());
  if (!given) return fail(given.error());
  *info = *given;
  return {};
}

/// PTRACE_CONT, PTRACE_SYSCALL, PTRACE_DETACH. EIO: there is no such signal.
Result<> resume(Tracee& tracee, PtraceRequest request, Word signal) {
  if (signal > static_cast<Word>(abi::signal_limit)) return fail(Errno::eio);
  tracee.choose_signal(static_cast<int>(signal));
  if (request == PtraceRequest::detach) {
    tracee.end();
  } else {
    tracee.resume(request == PtraceRequest::syscall);
  }
  return {};
}

}  // namespace

/// flags: PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN,
///   PTRACE_DETACH, PTRACE_CONT, PTRACE_SYSCALL, PTRACE_KILL, PTRACE_PEEKTEXT, PTRACE_PEEKDATA,
///   PTRACE_POKETEXT, PTRACE_POKEDATA, PTRACE_SETOPTIONS, PTRACE_GETEVENTMSG, PTRACE_GETSIGINFO,
///   PTRACE_SETSIGINFO, PTRACE_GETREGSET and PTRACE_SETREGSET with NT_PRSTATUS and NT_PRFPREG,
///   PTRACE_GETSIGMASK, PTRACE_SETSIGMASK, PTRACE_GET_SYSCALL_INFO; EIO for others
/// linux: The tracer is a process: each of its threads can trace and wait. A signal that stops the
///   process stops only the traced thread, until its tracer lets it run or detaches from it. Before
///   a call the result register has the first argument. PTRACE_EVENT_EXIT is reported for exit and
///   exit_group alone. The first process cannot be traced (EPERM).
trap::Answer<Result<std::size_t>> ptrace(Thread& self, std::int64_t number, int id,
                                         std::uintptr_t address, Word data) {
  const auto none = [](const Result<>& done) -> Result<std::size_t> {
    return done.transform([] { return std::size_t{0}; });
  };
  const auto request = static_cast<PtraceRequest>(number);
  if (request == PtraceRequest::traceme) return none(trace_me(self));
  if (request == PtraceRequest::attach) return none(attach(self, id, Tracee::Attached::usual));
  if (request == PtraceRequest::seize) return none(seize(self, id, address, data));
  Thread* const thread = threads().find(id);
  Tracee* const tracee = thread != nullptr ? thread->tracee() : nullptr;
  if (tracee == nullptr || &tracee->tracer() != &self.process()) return fail(Errno::esrch);
  if (request == PtraceRequest::kill) {
    thread->process().post_signal(
        {.signal = static_cast<int>(abi::Signal::sigkill), .code = abi::si_kernel});
    return 0;
  }
  if (request == PtraceRequest::interrupt) {
    if (!tracee->is_seized()) return fail(Errno::eio);
    tracee->interrupt();
    return 0;
  }
  // A thread that its tracer has just resumed may not have run yet.
  if (!thread->waits_for_tracer() || !tracee->is_stopped() || tracee->listens())
    return fail(Errno::esrch);
  switch (request) {
    case PtraceRequest::listen: return none(tracee->listen());
    case PtraceRequest::peektext:
    case PtraceRequest::peekdata:
      return self.wait(
          [&] { return peek(self, Ref<AddressSpace>::share(thread->space()), address, data); });
    case PtraceRequest::poketext:
    case PtraceRequest::pokedata:
      return self.wait(
          [&] { return poke(self, Ref<AddressSpace>::share(thread->space()), address, data); });
    case PtraceRequest::cont:
    case PtraceRequest::syscall:
    case PtraceRequest::detach: return none(resume(*tracee, request, data));
    case PtraceRequest::setoptions:
      if ((data & ~Word{abi::ptrace_options}) != 0) return fail(Errno::einval);
      tracee->set_options(static_cast<unsigned>(data));
      return 0;
    case PtraceRequest::geteventmsg:
      return none(UserPtr<Word>{data}.write(self.space(), tracee->message()));
    case PtraceRequest::getsiginfo: return none(move_info(self, *tracee, data, true));
    case PtraceRequest::setsiginfo: return none(move_info(self, *tracee, data, false));
    case PtraceRequest::getregset:
      return none(move_register_set(self, *thread, address, data, true));
    case PtraceRequest::setregset:
      return none(move_register_set(self, *thread, address, data, false));
    case PtraceRequest::getsigmask: return none(move_mask(self, *thread, address, data, true));
    case PtraceRequest::setsigmask: return none(move_mask(self, *thread, address, data, false));
    case PtraceRequest::get_syscall_info: return describe_call(self, *tracee, address, data);
    default: return fail(Errno::eio);
  }
}

}  // namespace sys

KERNEL_CALL(ptrace, sys::ptrace);

}  // namespace kernel
