// Signals that a program sends, and RLIMIT_SIGPENDING: at most so many signals wait with their
// information, in the queues of all processes together. Each timer of timer_create counts, too.
// In the strand.
#pragma once

#include <abi/signal.h>
#include <kernel/result.h>

namespace kernel {

class Process;
class Thread;

/// Posts a signal that a program has sent. EAGAIN: it is a real-time signal, was not sent by kill,
/// and its queue is full. Other signals lose their information then, unless they have a code of the
/// kernel or of kill.
Result<> send_signal(Process& to, const abi::SignalInfo& info);
Result<> send_signal(Thread& to, const abi::SignalInfo& info);

/// Whether the limit of the process allows no further timer.
bool has_queued_most(Process& process);

}  // namespace kernel
