#include <abi/flags.h>
#include <abi/process.h>
#include <trap/fpu.h>

#include <algorithm>

#include "files/node.h"
#include "memory/frames.h"
#include "process/end_watch.h"
#include "process/steps.h"
#include "process/thread.h"
#include "process/thread_ring.h"
#include "sched/running.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/private_calls.h"

namespace kernel::sys {
namespace {

/// Memory in bytes that stays free for the pages that programs touch next. So a program that
/// creates threads until memory runs out gets ENOMEM, and no process is killed.
constexpr std::size_t program_bytes = 8 * hal::page_size;
/// Memory in bytes that must be free for a new process or thread.
constexpr std::size_t thread_bytes = program_bytes + 2048 + IdSlots::most_bytes;
constexpr std::size_t process_bytes = program_bytes + 8192 + IdSlots::most_bytes;

/// Page frames, with page tables, that has_room_for_process() expects each process to use in the
/// end. A new process uses fewer.
constexpr std::size_t process_frames = 8;

/// Whether `parent` may create a process. An eighth of the memory must stay free for programs that
/// grow. The first process always may, so that a user can still kill others.
bool has_room_for_process(const Process& parent) {
  const std::size_t total = memory::frames.total_count();
  const std::size_t taken = total - memory::frames.uncached_for_user();
  const std::size_t expected = processes().size() * process_frames;
  return std::max(taken, expected) < total - total / 8 || &parent == &first_process();
}

struct CloneArguments {
  std::uint64_t flags;
  std::uintptr_t stack;
  std::uintptr_t parent_tid;
  std::uintptr_t thread_pointer;
  std::uintptr_t child_tid;
  std::uintptr_t pidfd;  ///< where CLONE_PIDFD stores a descriptor

  bool has(std::uint64_t flag) const { return (flags & flag) != 0; }

  bool copies_memory() const { return !has(abi::clone_vm); }

  bool valid() const {
    constexpr std::uint64_t known =
        abi::csignal | abi::clone_vm | abi::clone_fs | abi::clone_files | abi::clone_sighand |
        abi::clone_vfork | abi::clone_parent | abi::clone_thread | abi::clone_sysvsem |
        abi::clone_settls | abi::clone_parent_settid | abi::clone_child_cleartid |
        abi::clone_detached | abi::clone_untraced | abi::clone_child_settid |
        abi::clone_clear_sighand;
    if ((flags & ~known) != 0) [[unlikely]] {
      if ((flags & ~known) != abi::clone_pidfd || has(abi::clone_thread | abi::clone_detached) ||
          (has(abi::clone_parent_settid) && pidfd == parent_tid))
        return false;
    }
    if (has(abi::clone_thread) && !has(abi::clone_sighand)) return false;
    return !has(abi::clone_sighand) || has(abi::clone_vm);
  }
};

/// Changes a copy of the parent's context for the child, whose call returns 0.
void make_childs(trap::UserContext& context, const CloneArguments& arguments,
                 const Process& process) {
  context.set_syscall_result(0);
  context.set_cause(trap::Cause::first_instruction);
  if (arguments.stack != 0) context.set_stack(arguments.stack);
  if (arguments.has(abi::clone_settls)) context.set_thread_pointer(arguments.thread_pointer);
  trap::fpu::expect_use(context, process.threads_use_floating_point());
}

/// A signal to a group must reach a child that its member is about to create, and no thread may
/// start in a process that stops. So signals come first.
[[gnu::cold, gnu::noinline]] Result<> make_again_after_signals(Thread& self) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  self.interrupt_call();
  return fail(Errno::eintr);
}

/// Checks that come before anything is created. EINTR if the caller is dying: a dying thread must
/// not create a live one.
[[gnu::always_inline]] inline Result<> check(Thread& self, const CloneArguments& arguments) {
  if (!hal::spaces_can_be_copied && arguments.copies_memory()) return fail(Errno::enosys);
  if (self.is_ending()) return fail(Errno::eintr);
  if (self.takes_signals_soon()) [[unlikely]]
    return make_again_after_signals(self);
  if (!arguments.valid()) return fail(Errno::einval);
  if (arguments.has(abi::clone_parent) && self.process().parent() == nullptr) {
    return fail(Errno::einval);
  }
  // Reservations are admitted one by one, so a child cannot inherit one.
  if (self.schedule().is_deadline() && !self.schedule().resets_on_fork) return fail(Errno::eagain);
  if (threads().size() + processes().size() >= most_threads) return fail(Errno::eagain);
  const bool is_thread = arguments.has(abi::clone_thread);
  if (!memory::can_allocate(is_thread ? thread_bytes : process_bytes)) return fail(Errno::enomem);
  if (!is_thread && !has_room_for_process(self.process())) return fail(Errno::enomem);
  return {};
}

/// Whether the copy of the memory takes several steps, or has to wait for another job's turn.
bool copies_in_steps(Thread& self, const CloneArguments& arguments) {
  const AddressSpace& space = self.space();
  return arguments.copies_memory() && (!space.is_small() || space.is_changing());
}

/// Whether the call can be made while the caller shares the strand: it starts a thread, or copies a
/// small process with one thread and without a ring.
bool can_be_shared(Thread& self, const CloneArguments& arguments) {
  if (self.tracee() != nullptr) [[unlikely]]
    return false;
  if (arguments.has(abi::clone_thread)) return true;
  constexpr auto others = abi::clone_vm | abi::clone_vfork | abi::clone_parent |
                          abi::clone_parent_settid | abi::clone_child_settid |
                          abi::clone_clear_sighand | abi::clone_pidfd;
  return !arguments.has(others) && self.ring() == nullptr && self.owns_space() &&
         self.space().is_quick_to_walk() && !self.process().has_cpu_limit() &&
         !self.process().files().is_large();
}

/// Whether a write to `address` would block, for example for a page-in. If the caller shares the
/// strand, also for any other fault.
bool would_block_at(Thread& self, std::uintptr_t address) {
  return blocks(self.space().fault_in(address, hal::Access::write));
}

/// Copies the pages of the rings of `process` that it shares with a copy of its memory. Returns
/// whether there are rings. ENOMEM.
Result<bool> own_rings(Process& process) {
  bool has_rings = false;
  for (Thread& thread : process.threads()) {
    if (thread.ring() == nullptr) continue;
    has_rings = true;
    if (auto owned = thread.ring()->own_pages(); !owned) return fail(owned.error());
  }
  return has_rings;
}
/// The same after the copy `copy`. Returns `copy`, or ENOMEM.
Result<Ref<AddressSpace>> with_own_rings(Process& process, Result<Ref<AddressSpace>> copy) {
  if (!copy) return copy;
  if (auto owned = own_rings(process); !owned) return fail(owned.error());
  return copy;
}

/// Tries to copy the caller's memory while other harts share the strand. They may take memory and
/// numbers meanwhile, so the call is checked again. A ring's pages must not be shared with the
/// child in any step of another job, so with a ring the copy is made in the strand.
[[gnu::noinline]] Result<Ref<AddressSpace>> copy_sharing(Thread& self,
                                                         const CloneArguments& arguments) {
  auto copy = [&] {
    const bool applies =
        self.ring() == nullptr && self.owns_space() && self.space().is_quick_to_walk();
    const async::Strand::SharedPart part{applies};
    return self.space().fork();
  }();
  if (auto checked = check(self, arguments); !checked) return fail(checked.error());
  if (!copy) copy = self.space().fork();
  return with_own_rings(self.process(), std::move(copy));
}

/// The child's address space: a copy of the caller's, made in one step, or the same.
Result<Ref<AddressSpace>> space_for_child(Thread& self, const CloneArguments& arguments) {
  if (!arguments.copies_memory()) return self.process().parts().space;
  if (hal::smp_active() && async::Strand::is_held()) [[unlikely]]
    return copy_sharing(self, arguments);
  return with_own_rings(self.process(), self.space().fork());
}

/// Makes a file that stands for the child that the caller is about to create, and stores its
/// descriptor in the program (CLONE_PIDFD). EMFILE, ENOMEM, EFAULT; would_block: the descriptor's
/// place needs a page-in, after which the call is made again.
[[gnu::noinline, gnu::cold]] Result<Ref<EndWatch>> make_pidfd(Thread& self,
                                                              std::uintptr_t address) {
  constexpr bool close_on_exec = true;
  const std::size_t all = process_bytes + 2 * sizeof(EndWatch) + pid_file_bytes;
  if (!memory::can_allocate(all)) return fail(Errno::enomem);
  auto watch = make_ref<EndWatch>();
  FdTable& files = self.process().files();
  const auto fd = files.add(make_pid_file(watch, 0), close_on_exec);
  if (!fd) return fail(fd.error());
  if (auto written = UserPtr<int>{address}.write(self.space(), *fd); !written) {
    (void)files.close(*fd);
    return fail(written.error());
  }
  return watch;
}

Result<Ref<Process>> make_process(Thread& self, const CloneArguments& arguments, int id,
                                  Ref<AddressSpace> space) {
  Process& parent = self.process();
  Process::Parts parts = parent.parts();
  parts.space = std::move(space);
  if (!arguments.has(abi::clone_files)) {
    auto copy = parent.files().copy();
    if (!copy) return fail(copy.error());
    parts.files = std::move(*copy);
  }
  if (!arguments.has(abi::clone_fs)) parts.fs = make_ref<FsContext>(*parts.fs);
  if (!arguments.has(abi::clone_sighand)) parts.actions = make_ref<SignalActions>(*parts.actions);
  if (arguments.has(abi::clone_clear_sighand)) [[unlikely]]
    parts.actions->drop_handlers();
  Ref<EndWatch> watch;
  if (arguments.has(abi::clone_pidfd)) [[unlikely]] {  // after the copy: the child does not get it
    auto made = make_pidfd(self, arguments.pidfd);
    if (!made) return fail(made.error());
    watch = std::move(*made);
  }
  auto child = make_ref<Process>(id, std::move(parts));
  child->inherit(parent);
  // Without memory for it, which make_pidfd() has looked for, the file stands for no process.
  if (watch) [[unlikely]]
    (void)child->begin_watch(std::move(watch));
  Process* const family = arguments.has(abi::clone_parent) ? parent.parent() : &parent;
  family->add_child(child);
  return child;
}

/// Creates the child in `space`, ready to start. If that fails, removes what it has created.
Result<Ref<Thread>> make_child(Thread& self, const CloneArguments& arguments,
                               Ref<AddressSpace> space) {
  const int id = IdSlots::allocate();
  Ref<Process> process = Ref<Process>::share(self.process());
  if (!arguments.has(abi::clone_thread)) {
    auto made = make_process(self, arguments, id, std::move(space));
    if (!made) return fail(made.error());
    process = std::move(*made);
  }
  auto child =
      make_ref<Thread>(id, std::move(process), self.current_context(), self.schedule().inherited());
  make_childs(child->context(), arguments, child->process());
  child->inherit_signal_mask(self);
  child->inherit_rare_settings(self, arguments.copies_memory() || arguments.has(abi::clone_vfork));
  if (!arguments.has(abi::clone_vm)) child->set_sequences(self.sequences());
  child->set_harts(self.harts());
  split_timeslice(self, *child);
  if (arguments.has(abi::clone_child_cleartid)) child->clear_child_tid = arguments.child_tid;
  // Faults at these two addresses are ignored, as on Linux.
  if (arguments.has(abi::clone_parent_settid)) {
    (void)UserPtr<int>{arguments.parent_tid}.write(self.space(), id);
  }
  if (arguments.has(abi::clone_child_settid)) {
    (void)UserPtr<int>{arguments.child_tid}.write(child->space(), id);
  }
  return child;
}

/// What the tracer of `self` learns of a child.
abi::PtraceEvent event_of(const CloneArguments& arguments) {
  if (arguments.has(abi::clone_untraced)) return abi::PtraceEvent::none;
  if (arguments.has(abi::clone_vfork)) return abi::PtraceEvent::vfork;
  const auto signal = static_cast<abi::Signal>(arguments.flags & abi::csignal);
  return signal == abi::Signal::sigchld ? abi::PtraceEvent::fork : abi::PtraceEvent::clone;
}

/// Lets the tracer of `self` trace the child, which has not started, if its options say so. Without
/// memory it does not. Returns the event to report.
[[gnu::cold, gnu::noinline]] abi::PtraceEvent trace_child(Thread& self, Thread& child,
                                                          const CloneArguments& arguments) {
  Tracee& tracee = *self.tracee();
  const auto event = event_of(arguments);
  const bool joins_stop = child.process().is_stopped();  // a new thread of a stopped process
  if (joins_stop) child.request_signals();
  if (event == abi::PtraceEvent::none || !tracee.has(abi::option_of(event)))
    return abi::PtraceEvent::none;
  const auto begun = Tracee::begin(child, tracee.tracer(), tracee.options(), tracee.attached());
  if (begun && joins_stop) (*begun)->stop_with_process();
  if (begun && tracee.is_seized()) {
    (*begun)->interrupt();
  } else if (begun) {
    child.post_signal({.signal = static_cast<int>(abi::Signal::sigstop), .code = abi::si_kernel});
  }
  return event;
}

/// Starts the child of clone without CLONE_VFORK. Returns its number.
int start_child(Thread& self, Ref<Thread> child, const CloneArguments& arguments) {
  const int id = child->id();
  if (self.tracee() != nullptr) [[unlikely]] {
    const auto event = trace_child(self, *child, arguments);
    if (event != abi::PtraceEvent::none) self.tracee()->stop_soon(event, static_cast<unsigned>(id));
  }
  Thread::start(std::move(child));
  return id;
}

/// The stop of a traced thread for an event of vfork. Nothing happens if the tracer does not want
/// to know it.
async::Task<> report_vfork(Thread& self, abi::PtraceEvent event, int child) {
  if (self.tracee() == nullptr || !self.tracee()->has(abi::option_of(event))) co_return;
  self.tracee()->stop_for_event(event, static_cast<unsigned>(child));
  co_await self.await_tracer();
}

/// clone() of memory that takes several steps to copy, and vfork: the caller sleeps until the child
/// executes another program or ends.
async::Task<Result<int>> clone_in_steps(Thread& self, CloneArguments arguments) {
  auto space = copies_in_steps(self, arguments) ? co_await copy_memory(self, own_rings)
                                                : space_for_child(self, arguments);
  if (!space) co_return fail(space.error());
  if (auto checked = check(self, arguments); !checked) co_return fail(checked.error());
  auto child = make_child(self, arguments, std::move(*space));
  if (!child) co_return fail(child.error());
  if (!arguments.has(abi::clone_vfork)) co_return start_child(self, std::move(*child), arguments);
  const int id = (*child)->id();
  auto event = abi::PtraceEvent::none;
  if (self.tracee() != nullptr) event = trace_child(self, **child, arguments);
  async::Event memory_returned;
  (*child)->set_vfork_waiter(&memory_returned);
  Thread::start(*child);
  if (event != abi::PtraceEvent::none) co_await report_vfork(self, event, id);
  (void)co_await memory_returned.wait("vfork");
  if (self.tracee() != nullptr) co_await report_vfork(self, abi::PtraceEvent::vfork_done, id);
  (*child)->set_vfork_waiter(nullptr);  // after a cancellation the child may outlive the event
  co_return id;
}

/// The arguments of clone, which uses the lower half of `flags` only.
CloneArguments of_clone(std::uint64_t flags, std::uintptr_t stack, std::uintptr_t parent_tid,
                        std::uintptr_t thread_pointer, std::uintptr_t child_tid) {
  return {
      static_cast<std::uint32_t>(flags), stack, parent_tid, thread_pointer, child_tid, parent_tid};
}

/// The arguments of clone3. E2BIG: the structure has members that the kernel does not know, and
/// they are not 0; EINVAL; EFAULT; EPERM: the caller wants a number of its own choice.
Result<CloneArguments> of_clone3(Thread& self, std::uintptr_t address, std::size_t size) {
  if (size > hal::page_size) return fail(Errno::e2big);
  if (size < abi::first_clone_arguments_size) return fail(Errno::einval);
  abi::CloneArguments given{};
  const std::size_t known = std::min(size, sizeof given);
  if (auto read = memory::copy_from_user(self.space(), &given, address, known); !read)
    return fail(read.error());
  for (std::size_t at = known; at < size; ++at) {
    const auto byte = UserPtr<const char>{address + at}.read(self.space());
    if (!byte) return fail(byte.error());
    if (*byte != 0) return fail(Errno::e2big);
  }
  if ((given.set_tid == 0) != (given.set_tid_count == 0)) return fail(Errno::einval);
  if (given.exit_signal > static_cast<unsigned>(abi::signal_limit)) return fail(Errno::einval);
  CloneArguments arguments{given.flags,      given.stack + given.stack_bytes,
                           given.parent_tid, given.thread_pointer,
                           given.child_tid,  given.pidfd};
  const bool has_family = arguments.has(abi::clone_thread) || arguments.has(abi::clone_parent);
  constexpr std::uint64_t only_of_clone = abi::clone_detached | abi::csignal;
  if (arguments.has(only_of_clone) || (has_family && given.exit_signal != 0) ||
      (arguments.has(abi::clone_sighand) && arguments.has(abi::clone_clear_sighand)) ||
      (given.stack == 0) != (given.stack_bytes == 0) ||
      (given.stack != 0 && !hal::user_range(given.stack, given.stack_bytes))) {
    return fail(Errno::einval);
  }
  if (given.set_tid != 0) return fail(Errno::eperm);
  arguments.flags |= given.exit_signal;
  return arguments;
}

/// clone and clone3, also for a caller that shares the strand.
[[gnu::always_inline]] inline trap::Answer<Result<int>> clone_with(
    Thread& self, const CloneArguments& arguments) {
  const bool shares = async::Strand::is_shared();
  if (shares && (!outside::may_wake_sharing() || !can_be_shared(self, arguments)))
    return fail(Errno::would_block);
  if (auto checked = check(self, arguments); !checked) return fail(in_strand(checked.error()));
  // If the page of an ID needs a page-in, the call restarts before it creates the child.
  if (arguments.has(abi::clone_parent_settid) && would_block_at(self, arguments.parent_tid))
    return fail(Errno::would_block);
  constexpr std::uint64_t written_here = abi::clone_vm | abi::clone_child_settid;
  if ((arguments.flags & written_here) == written_here && would_block_at(self, arguments.child_tid))
      [[unlikely]]
    return fail(Errno::would_block);
  if (!shares && (arguments.has(abi::clone_vfork) || copies_in_steps(self, arguments))) {
    return self.wait([&] { return clone_in_steps(self, arguments); });
  }
  auto space = space_for_child(self, arguments);
  if (!space) return fail(in_strand(space.error()));
  auto child = make_child(self, arguments, std::move(*space));
  if (!child) return fail(in_strand(child.error()));
  // The kernel skips the instruction of a caller that shares the strand after this handler, but
  // not that of the child.
  if (shares) (*child)->context().skip_syscall_instruction();
  return start_child(self, std::move(*child), arguments);
}

}  // namespace

trap::Answer<Result<int>> clone(Thread& self, std::uint64_t flags, std::uintptr_t stack,
                                std::uintptr_t parent_tid, std::uintptr_t thread_pointer,
                                std::uintptr_t child_tid) {
  return clone_with(self, of_clone(flags, stack, parent_tid, thread_pointer, child_tid));
}

trap::Answer<Result<int>> clone3(Thread& self, std::uintptr_t address, std::size_t size) {
  const auto arguments = of_clone3(self, address, size);
  if (!arguments) return fail(arguments.error());
  return clone_with(self, *arguments);
}

Result<> exit(Thread& self, int code) {
  if (async::Strand::is_shared() && !outside::may_wake_sharing()) return fail(Errno::would_block);
  self.process().note_exit_code(code);
  self.end();
  return {};
}

Result<> exit_group(Thread& self, int code) {
  const bool is_alone = self.process().has_one_thread();
  if (async::Strand::is_shared() && (!is_alone || !outside::may_wake_sharing()))
    return fail(Errno::would_block);
  self.process().terminate(abi::WaitStatus::exited(code));
  return {};
}

Result<int> set_tid_address(Thread& self, std::uintptr_t address) {
  self.clear_child_tid = address;
  return self.id();
}

Result<> set_thread_pointer(Thread& self, std::uintptr_t address) {
  self.context().set_thread_pointer(address);
  return {};
}

Result<> set_robust_list(Thread& self, std::uintptr_t head, std::size_t size) {
  if (size != sizeof(abi::RobustListHead)) return fail(Errno::einval);
  self.robust_list = head;
  return {};
}

}  // namespace kernel::sys
