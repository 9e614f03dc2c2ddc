#include "process/queued_signals.h"

namespace kernel {
namespace {

/// The signals and timers that count, of all processes. Only processes that have set a limit need
/// this number.
std::uint64_t count_queued() {
  std::uint64_t count = 0;
  for (Process& process : processes()) {
    count += process.queue().queued();
    if (const SignalTimers* const timers = process.signal_timers()) count += timers->count();
    for (Thread& thread : process.threads()) count += thread.queue().queued();
  }
  return count;
}

abi::SignalSet blocked_by_all(Thread& to) {
  return to.signal_mask();
}
abi::SignalSet blocked_by_all(Process& to) {
  abi::SignalSet blocked = ~abi::SignalSet{0};
  for (const Thread& thread : to.threads()) blocked &= thread.signal_mask();
  return blocked;
}

/// send() if the queue of signals is full. A real-time signal needs a place, unless it is dropped.
template <class Target>
[[gnu::noinline, gnu::cold]] Result<> send_to_full_queue(Target& to, Process& process,
                                                         const abi::SignalInfo& info) {
  const auto signal = static_cast<abi::Signal>(info.signal);
  if (info.signal < first_real_time_signal && info.code >= 0) {
    (void)to.post_signal(info);
  } else if (info.signal >= first_real_time_signal && info.code != abi::si_user) {
    const bool is_dropped = process.signal_actions().ignores(signal) && !is_traced(process) &&
                            (blocked_by_all(to) & abi::set_of(signal)) == 0;
    if (!is_dropped) return fail(Errno::eagain);
  } else if ((to.queue().set() & abi::set_of(signal)) == 0) {
    if (to.post_signal({.signal = info.signal})) to.lose_info(signal);
  }
  return {};
}

template <class Target>
Result<> send(Target& to, Process& process, const abi::SignalInfo& info) {
  const auto signal = static_cast<abi::Signal>(info.signal);
  // post_signal() would do this later, and free the places of these signals.
  constexpr abi::SignalSet continuing = abi::set_of(abi::Signal::sigcont);
  if ((abi::set_of(signal) & (stop_signals | continuing)) != 0) [[unlikely]]
    process.discard_pending(signal == abi::Signal::sigcont ? stop_signals : continuing);
  if (to.queue().queued() >= PendingSignals::most_entries || has_queued_most(process)) [[unlikely]]
    return send_to_full_queue(to, process, info);
  (void)to.post_signal(info);
  return {};
}

}  // namespace

Result<> send_limited(Process& to, const abi::SignalInfo& info) {
  return send(to, to, info);
}

Result<> send_limited(Thread& to, const abi::SignalInfo& info) {
  return send(to, to.process(), info);
}

bool has_queued_most(Process& process) {
  if (process.limits().are_usual()) return false;
  const std::uint64_t most = process.limits()[abi::rlimit_sigpending].soft;
  return most != abi::unlimited && count_queued() >= most;
}

}  // namespace kernel
