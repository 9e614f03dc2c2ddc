// How a thread takes its signals: before it returns to its program, a frame on the program's stack
// keeps its registers, and the program continues with the handler. rt_sigreturn goes back to the
// registers of the frame.
//
//   post_signal() ──▶ pending ── request_signals() ──▶ a wait ends with EINTR, or an IPI
//                        │
//                        ▼ run_thread, before run_user()
//                  deliver_signals(): frame, handler ── rt_sigreturn ──▶ as before
//
// All functions run in the strand.
#pragma once

#include <abi/signal.h>
#include <kernel/result.h>
#include <trap/answer.h>
#include <trap/user_context.h>

namespace kernel {

class Thread;

/// Takes the signals that `self` does not block: enters handlers, the last one first, or ends the
/// process. Called by the thread itself, before it returns to its program.
[[gnu::cold, gnu::noinline]] void deliver_signals(Thread& self);

/// rt_sigreturn: the result is what the program's result register had, which may be any value. A
/// broken frame ends the process with SIGSEGV.
trap::Register return_from_handler(Thread& self);

/// Whether a signal with a handler ends the wait of the system call for which `context` has
/// trapped.
bool is_interruptible(Thread& self, const trap::UserContext& context);

/// Sends the signal of a fault: it runs the handler, or ends the process if the program has none,
/// blocks the signal or ignores it. Returns whether a handler will run.
bool raise_fault(Thread& self, const abi::SignalInfo& info);

/// A signal that `sender` sends. `code`: abi::si_….
abi::SignalInfo signal_from(Thread& sender, int signal, int code);

/// Whether `stack_pointer` is in the thread's stack for handlers.
bool is_on_signal_stack(const Thread& self, std::uintptr_t stack_pointer);
/// What SignalFrame and sigaltstack show of the thread's stack for handlers.
abi::SignalStack shown_signal_stack(const Thread& self);
/// Sets that stack (sigaltstack). EINVAL: unknown flags. ENOMEM: it is too small. EPERM: the thread
/// runs on the present one.
Result<> set_signal_stack(Thread& self, const abi::SignalStack& wanted);

}  // namespace kernel
