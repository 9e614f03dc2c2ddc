#include "process/signal_delivery.h"

#include <abi/flags.h>
#include <abi/numbers.h>
#include <kernel/log.h>
#include <trap/fpu.h>
#include <trap/signal_frame.h>
#include <trap/simulated_trap.h>

#include "files/socket.h"
#include "memory/user_memory.h"
#include "process/job_control.h"
#include "process/thread.h"
#include "sched/restartable.h"

namespace kernel {
namespace {

using abi::Call;
using trap::SignalFrame;
using trap::UserContext;

constexpr int autodisarm = static_cast<int>(abi::ss_autodisarm);

bool contains(const abi::SignalStack& stack, std::uintptr_t stack_pointer) {
  return stack_pointer > stack.base && stack_pointer - stack.base <= stack.bytes;
}

/// Whether the call, which a signal has interrupted, is made again behind every handler: it
/// acquires a lock (futex(2), FUTEX_LOCK_PI), or creates a process or thread, and no caller expects
/// EINTR.
bool is_always_restarted(const UserContext& context) {
  const auto call = trap::call_of(context);
  if (call == Call::clone || call == Call::clone3) return true;
  if (call != Call::futex) return false;
  const auto operation = static_cast<int>(context.syscall_arguments()[1]);
  const int command = operation & abi::futex_command_mask;
  return command == abi::futex_lock_pi || command == abi::futex_lock_pi2;
}

/// Whether only sockets have the call, and it may wait.
bool is_call_of_sockets(Call call) {
  switch (call) {
    case Call::accept:
    case Call::accept4:
    case Call::connect:
    case Call::sendto:
    case Call::recvfrom:
    case Call::sendmsg:
    case Call::recvmsg:
    case Call::sendmmsg:
    case Call::recvmmsg: return true;
    default: return false;
  }
}

/// Whether the call is about a socket with a timeout: it fails with EINTR then (signal(7)).
bool uses_socket_with_timeout(Thread& self) {
  File* const file =
      self.process().files().find(static_cast<int>(self.context().syscall_arguments()[0]));
  return file != nullptr && file->socket() != nullptr && file->socket()->has_timeout();
}

/// Whether the call, which a signal has interrupted, is made again if the action has SA_RESTART.
/// The others fail with EINTR (signal(7)).
bool is_restarted(Thread& self) {
  const Call call = trap::call_of(self.context());
  if (is_call_of_sockets(call)) return !uses_socket_with_timeout(self);
  switch (call) {
    case Call::read:
    case Call::readv:
    case Call::write:
    case Call::writev: return !uses_socket_with_timeout(self);
    case Call::ioctl:
    case Call::wait4:
    case Call::waitid:
    case Call::openat:
    case Call::fcntl:
    case Call::flock:
    case Call::sendfile:
    case Call::splice:
    case Call::tee:
    case Call::mq_timedsend:
    case Call::mq_timedreceive:
    case Call::futex_waitv: return true;
    case Call::futex_wait: return self.context().syscall_arguments()[4] == 0;
    case Call::futex: return self.context().syscall_arguments()[3] == 0;  // without a timeout
    default: return false;
  }
}

/// Whether the call, which a signal has interrupted, is made again if no handler runs, for example
/// behind a stop. The others fail with EINTR then (signal(7)).
bool call_is_made_again_without_handler(const UserContext& context) {
  const auto call = trap::call_of(context);
  return call != Call::rt_sigtimedwait && call != Call::epoll_pwait && call != Call::epoll_pwait2 &&
         call != Call::io_uring_enter && call != Call::semop && call != Call::semtimedop;
}

/// Lets the thread make its call again if signals have ended it with EINTR and wanted() says so.
/// The context that wanted() finds has the registers of the call: on some machines the result has
/// overwritten the number. Returns whether signals have ended the call and it is not made again.
template <class Wanted>
bool repeat_call_if(Thread& self, Wanted&& wanted) {
  const auto overwritten = self.take_interrupted_call();
  if (!overwritten) return false;
  UserContext& context = self.context();
  const std::uint64_t result = context.syscall_result();
  context.set_syscall_result(*overwritten);
  if (wanted()) {
    context.go_back_to_syscall_instruction();
    return false;
  }
  context.set_syscall_result(result);
  return true;
}

/// Where the frame begins on the stack that the action selects; 0: there is no room.
std::uintptr_t place_of_frame(Thread& self, const abi::SignalAction& action) {
  std::uintptr_t top = self.context().stack();
  const auto* const settings = self.rare_settings();
  const bool is_on = is_on_signal_stack(self, top);
  const bool changes = (action.flags & abi::sa_onstack) != 0 && !is_on && settings != nullptr &&
                       settings->stack.bytes != 0;
  if (changes) top = settings->stack.base + settings->stack.bytes;
  const std::uintptr_t frame = SignalFrame::below(top, changes, self.context());
  if ((is_on || changes) && !contains(settings->stack, frame)) return 0;
  return frame;
}

/// Writes the frame and makes the program continue with the handler. Returns false if the stack
/// cannot hold the frame.
bool enter_handler(Thread& self, const abi::SignalInfo& info, const abi::SignalAction& action,
                   abi::SignalSet mask_after) {
  UserContext& context = self.context();
  trap::fpu::release(context);
  if (self.has_sequences()) restart_sequence(self);
  const std::uintptr_t at = place_of_frame(self, action);
  if (at == 0) return false;
  // The handler may have been set by another process that shares the actions (CLONE_SIGHAND).
  if (!self.process().map_signal_return()) return false;
  const memory::AddressSpace::WithoutWait now{self.space()};
  const auto copy = [&](std::uintptr_t to, const void* from, std::size_t bytes) {
    return memory::copy_to_user(self.space(), to, from, bytes).has_value();
  };
  bool is_saved = false;
  const auto created = memory::UserPtr<SignalFrame>{at}.create(self.space(), [&](void* place) {
    SignalFrame* const frame =
        SignalFrame::create(place, at, info, context, shown_signal_stack(self), mask_after);
    is_saved = frame->save_vectors(context, at, copy);
    frame->call(context, action.handler, at, info.signal, self.process().signal_return());
  });
  return created && is_saved;
}

/// Loads the registers, the mask and the stack for handlers from the frame at the stack pointer.
/// Returns false if the frame cannot be read. A page-in of it would repeat the call, whose result
/// may be any value, so a frame that is not in memory counts as one that cannot be read.
bool leave_handler(Thread& self) {
  UserContext& context = self.context();
  const std::uintptr_t at = SignalFrame::address(context);
  const memory::AddressSpace::WithoutWait now{self.space()};
  const auto read = [&](void* to, std::uintptr_t from, std::size_t bytes) {
    return memory::copy_from_user(self.space(), to, from, bytes).has_value();
  };
  bool is_loaded = false;
  abi::SignalSet mask = 0;
  abi::SignalStack stack{};
  const auto visited =
      memory::UserPtr<const SignalFrame>{at}.visit(self.space(), [&](const SignalFrame& frame) {
        trap::fpu::drop(context);
        mask = frame.context.mask;
        stack = frame.context.stack;
        is_loaded = frame.load(context, at, read);
      });
  if (!visited || !is_loaded) return false;
  trap::simulate_trap<trap::Cause::sigreturn>(context);
  self.set_signal_mask(mask);
  if (self.rare_settings() != nullptr || (stack.flags & ~autodisarm) != abi::ss_disable)
    (void)set_signal_stack(self, stack);
  return true;
}

[[gnu::noinline]] void repeat_call_behind_handler(Thread& self, const abi::SignalAction& action) {
  (void)repeat_call_if(self, [&] {
    return ((action.flags & abi::sa_restart) != 0 && is_restarted(self)) ||
           is_always_restarted(self.context());
  });
}

/// Carries out the effect of a signal without a handler. Returns false if that ends the process.
[[gnu::noinline]] bool deliver_without_handler(Thread& self, const abi::SignalInfo& info) {
  Process& process = self.process();
  const auto signal = static_cast<abi::Signal>(info.signal);
  switch (process.signal_actions().effect(signal)) {
    case SignalActions::Effect::end:
      process.terminate(abi::WaitStatus::killed(signal));
      return false;
    case SignalActions::Effect::stop:
      if (signal != abi::Signal::sigstop &&
          job_control::is_orphaned(process.session(), process.group()))
        return true;
      if (self.tracee() != nullptr) {
        self.tracee()->stop_for_group(info);
      } else if (&process != &first_process()) {  // no other process could continue it
        process.stop(signal, self);
      }
      return true;
    default: return true;
  }
}

}  // namespace

void deliver_signals(Thread& self) {
  Process& process = self.process();
  self.end_interruption();
  bool has_entered = false;
  Tracee* const tracee = self.tracee();
  const auto is_stopped = [&] { return tracee ? self.is_stopped() : process.is_stopped(); };
  // A traced thread may have to stop before it takes a signal that its tracer does not know.
  const auto stops = [&] {
    if (tracee == nullptr) [[likely]]
      return process.is_stopped();
    return self.is_stopped() || (!tracee->has_injected() && tracee->begin_requested_stop());
  };
  while (!stops()) {
    abi::SignalInfo info;
    const bool is_injected = tracee != nullptr && tracee->take_injected(info);
    if (!is_injected) {
      if ((self.pending_signals() & ~self.signal_mask()) == 0) break;
      if (!self.take_signal(~self.signal_mask(), info)) break;
    }
    const auto signal = static_cast<abi::Signal>(info.signal);
    if (tracee != nullptr && signal != abi::Signal::sigkill) [[unlikely]] {
      if (!is_injected) {
        tracee->stop_for_signal(info);
        break;
      }
      if ((self.signal_mask() & abi::set_of(signal)) != 0) {
        self.post_signal(info);
        continue;
      }
    }
    const abi::SignalAction action = process.signal_actions()[signal];
    if (!SignalActions::runs_handler(action)) [[unlikely]] {
      if (!deliver_without_handler(self, info)) return;
      continue;
    }
    if (self.has_interrupted_call()) repeat_call_behind_handler(self, action);
    auto* const settings = self.rare_settings();
    abi::SignalSet mask = self.signal_mask();
    if (settings != nullptr && settings->mask_before) {
      mask = *std::exchange(settings->mask_before, std::nullopt);
    }
    if (!enter_handler(self, info, action, mask)) {
      log("{} ({}) is killed by SIGSEGV: no room for the frame of a handler at {:#x}",
          process.name(), self.id(), self.context().stack());
      return process.terminate(abi::WaitStatus::killed(abi::Signal::sigsegv));
    }
    has_entered = true;
    if (settings != nullptr && (settings->stack.flags & autodisarm) != 0) [[unlikely]]
      settings->stack = {.flags = abi::ss_disable};  // until rt_sigreturn
    const abi::SignalSet own = (action.flags & abi::sa_nodefer) != 0 ? 0 : abi::set_of(signal);
    self.set_signal_mask(self.signal_mask() | action.mask | own);
    if ((action.flags & abi::sa_resethand) != 0) (void)process.set_signal_action(signal, {});
  }
  if (has_entered) self.forget_deadline();
  if (has_entered) return trap::simulate_trap<trap::Cause::signal>(self.context());
  if (is_stopped()) return;  // SIGCONT may have a handler, which decides about the call
  // Another thread has taken the signal, or the action ignores it now.
  const bool has_ended =
      repeat_call_if(self, [&] { return call_is_made_again_without_handler(self.context()); });
  if (auto* const settings = self.rare_settings();
      has_ended && settings != nullptr && settings->mask_before)
    self.end_temporary_mask();
}

trap::Register return_from_handler(Thread& self) {
  if (leave_handler(self)) return self.context().syscall_result();
  log("{} ({}) is killed by SIGSEGV: no frame of a handler at {:#x}", self.process().name(),
      self.id(), self.context().stack());
  self.die_of(abi::Signal::sigsegv);
  return 0;
}

bool is_interruptible(Thread& self, const UserContext& context) {
  const auto* const settings = self.rare_settings();
  if (settings != nullptr && settings->awaited != 0) return true;
  const Call call = trap::call_of(context);
  if (is_call_of_sockets(call)) return true;
  switch (call) {
    case Call::read:
    case Call::readv:
    case Call::write:
    case Call::writev: {
      File* const file =
          self.process().files().find(static_cast<int>(context.syscall_arguments()[0]));
      // Null: closed since the call began.
      return file == nullptr || !file->waits_for_device() || file->socket() != nullptr;
    }
    case Call::openat:  // a FIFO waits for its other end
    case Call::fcntl:
    case Call::flock:
    case Call::sendfile:
    case Call::splice:
    case Call::tee:
    case Call::epoll_pwait:
    case Call::epoll_pwait2:
    case Call::ppoll:
    case Call::pselect6:
    case Call::futex:
    case Call::futex_wait:
    case Call::futex_waitv:
    case Call::semop:
    case Call::semtimedop:
    case Call::msgsnd:
    case Call::msgrcv:
    case Call::mq_timedsend:
    case Call::mq_timedreceive:
    case Call::nanosleep:
    case Call::clock_nanosleep:
    case Call::rt_sigsuspend:
    case Call::rt_sigtimedwait:
    case Call::wait4:
    case Call::waitid:
    case Call::io_uring_enter:
    case abi::ring_enter: return true;
    default: return false;
  }
}

bool raise_fault(Thread& self, const abi::SignalInfo& info) {
  const auto signal = static_cast<abi::Signal>(info.signal);
  const bool is_blocked = (self.signal_mask() & abi::set_of(signal)) != 0;
  if (self.tracee() != nullptr) [[unlikely]] {  // the tracer decides
    self.tracee()->forget_call();
    if (is_blocked || self.process().signal_actions().ignores(signal))
      (void)self.process().set_signal_action(signal, {});
    self.set_signal_mask(self.signal_mask() & ~abi::set_of(signal));
    self.post_signal(info);
    return true;
  }
  if (is_blocked || !self.process().signal_actions().has_handler(signal)) return false;
  self.post_signal(info);
  return true;
}

abi::SignalInfo signal_from(Thread& sender, int signal, int code) {
  return {.signal = signal, .code = code, .sender = {.process = sender.process().id()}};
}

bool is_on_signal_stack(const Thread& self, std::uintptr_t stack_pointer) {
  const auto* const settings = self.rare_settings();
  // With SS_AUTODISARM a handler's start clears the setting, so a stack that is set is not in use.
  return settings != nullptr && (settings->stack.flags & autodisarm) == 0 &&
         contains(settings->stack, stack_pointer);
}

abi::SignalStack shown_signal_stack(const Thread& self) {
  const auto* const settings = self.rare_settings();
  if (settings == nullptr) return {.flags = abi::ss_disable};
  return settings->stack;
}

Result<> set_signal_stack(Thread& self, const abi::SignalStack& wanted) {
  const int mode = wanted.flags & ~autodisarm;
  if (is_on_signal_stack(self, self.context().stack())) return fail(Errno::eperm);
  if (mode != abi::ss_disable && mode != abi::ss_onstack && mode != 0) return fail(Errno::einval);
  if (mode == abi::ss_disable && self.rare_settings() == nullptr) return {};
  if (mode != abi::ss_disable && wanted.bytes < abi::least_signal_stack) return fail(Errno::enomem);
  if (auto made = self.make_rare_settings(); !made) return made;
  self.rare_settings()->stack =
      mode == abi::ss_disable ? abi::SignalStack{.flags = abi::ss_disable} : wanted;
  return {};
}

}  // namespace kernel
