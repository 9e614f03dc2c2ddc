#include "process/tracing.h"

#include <abi/numbers.h>
#include <trap/signal_frame.h>
#include <trap/simulated_trap.h>

#include "memory/frames.h"
#include "process/thread.h"

namespace kernel {
namespace {

constinit unsigned traced_count = 0;  // threads

/// Whether the call ends the thread.
bool is_exit(const trap::UserContext& context) {
  const auto call = trap::call_of(context);
  return call == abi::Call::exit || call == abi::Call::exit_group;
}

abi::WaitStatus stopped_with(unsigned code) {
  return abi::WaitStatus::stopped(static_cast<abi::Signal>(code));
}

constexpr auto trap_signal = static_cast<unsigned>(abi::Signal::sigtrap);

}  // namespace

bool is_traced(const Thread& thread) {
  return thread.tracee() != nullptr;
}

bool is_traced(Process& process) {
  if (traced_count == 0) [[likely]]
    return false;
  for (const Thread& thread : process.threads())
    if (thread.tracee() != nullptr) return true;
  return false;
}

Result<Tracee*> Tracee::begin(Thread& thread, Process& tracer, unsigned options, Attached how) {
  async::Strand::check_access();
  List<Tracee>* const tracees = tracer.make_tracees();
  if (tracees == nullptr || !memory::can_allocate(sizeof(Tracee))) return fail(Errno::enomem);
  if (auto made = thread.make_rare_settings(); !made) return fail(made.error());
  auto* const tracee = new Tracee{thread, tracer, options, how};
  tracees->push_back(*tracee);
  thread.set_tracee(tracee);
  if (traced_count++ == 0) intercept_calls(true);
  return tracee;
}

void Tracee::remove() {
  async::Strand::check_access();
  if (thread_ != nullptr) {
    thread_->set_tracee(nullptr);
    if (--traced_count == 0) intercept_calls(false);
  }
  tracer_->tracees()->remove(*this);
}

void Tracee::end() {
  Thread* const thread = is_stopped() || runs_in_stop_ ? thread_ : nullptr;
  if (stopped_by_ != 0 && thread_ != nullptr && !thread_->process().is_ending()) {
    thread_->process().stop(static_cast<abi::Signal>(stopped_by_), *thread_);
    thread_->request_signals();
  }
  abi::SignalInfo info;
  Thread* const injected = take_injected(info) ? thread_ : nullptr;
  remove();
  delete this;
  if (thread != nullptr) thread->resume();
  if (injected != nullptr) injected->post_signal(info);
}

void Tracee::end_all(Process& tracer) {
  List<Tracee>* const tracees = tracer.tracees();
  if (tracees == nullptr) return;
  for (Tracee& tracee : *tracees) {
    Thread* const thread = tracee.thread_;
    if (thread != nullptr && tracee.has(abi::ptrace_o_exitkill))
      thread->process().terminate(abi::WaitStatus::killed(abi::Signal::sigkill));
    // A tracer that has not learnt of a signal does not keep it from the thread.
    if (tracee.has_report_ && tracee.stop_ == Stop::signal)
      tracee.choose_signal(tracee.info_.signal);
    tracee.end();
  }
}

void Tracee::note_end(abi::WaitStatus status) {
  Process& process = thread_->process();
  const bool is_zombie_of_tracer = thread_->id() == process.id() && process.parent() == tracer_;
  const abi::SignalAction action = tracer_->signal_actions()[abi::Signal::sigchld];
  const bool does_not_wait =
      action.handler == abi::sig_ign || (action.flags & abi::sa_nocldwait) != 0;
  if (is_zombie_of_tracer || tracer_->is_ending() || does_not_wait) {
    Process& tracer = *tracer_;
    remove();
    delete this;
    if (!is_zombie_of_tracer) tracer.child_ended().wake_all();  // perhaps ECHILD
    return;
  }
  id_ = thread_->id();
  thread_->set_tracee(nullptr);
  if (--traced_count == 0) intercept_calls(false);
  thread_ = nullptr;
  stop_ = Stop::none;
  status_ = status;
  has_report_ = true;
  tracer_->child_ended().wake_all();
  tracer_->post_signal(change());
}

int Tracee::id() const {
  return thread_ != nullptr ? thread_->id() : id_;
}

abi::SignalInfo Tracee::change() const {
  abi::SignalInfo info = child_signal(id(), status_);
  if (status_.has_stopped()) {
    info.code = abi::cld_trapped;
    info.sender.status = status_.word() >> 8;
  }
  return info;
}

void Tracee::drop_report() {
  has_report_ = false;
  if (thread_ != nullptr) return;
  remove();
  delete this;
}

// ── Stops ──

void Tracee::begin_stop(Stop stop, abi::WaitStatus status, const abi::SignalInfo& info) {
  stop_ = stop;
  status_ = status;
  info_ = info;
  injected_ = 0;
  is_interrupted_ = false;
}

void Tracee::begin_call_stop(Stop stop) {
  const unsigned code = has(abi::ptrace_o_tracesysgood) ? trap_signal | 0x80 : trap_signal;
  message_ = stop == Stop::entry ? 1 : 2;
  begin_stop(stop, stopped_with(code),
             {.signal = static_cast<int>(trap_signal),
              .code = static_cast<int>(code),
              .sender = {.process = thread_->id()}});
}

void Tracee::stop_for_signal(const abi::SignalInfo& info) {
  cancels_stop_ = false;
  begin_stop(Stop::signal, stopped_with(static_cast<unsigned>(info.signal)), info);
}

void Tracee::stop_for_group(const abi::SignalInfo& info) {
  stopped_by_ = static_cast<std::uint8_t>(info.signal);
  begin_group_stop();
}

void Tracee::begin_group_stop() {
  const Process& process = thread_->process();
  const unsigned of_process = process.is_stopped() ? process.stopped_by() : stopped_by_;
  const unsigned signal = of_process != 0 ? of_process : trap_signal;
  if (!is_seized_) {
    stops_with_process_ = false;
    return begin_stop(Stop::group, stopped_with(signal), {});
  }
  const unsigned code = signal | static_cast<unsigned>(abi::PtraceEvent::stop) << 8;
  begin_stop(Stop::group, stopped_with(code),
             {.signal = static_cast<int>(signal),
              .code = static_cast<int>(code),
              .sender = {.process = thread_->id()}});
  has_continued_ = false;
  stops_with_process_ = false;
}

void Tracee::request_group_stop() {
  if (std::exchange(listens_, false)) {
    begin_group_stop();
    report();
  } else if (!is_stopped()) {
    thread_->request_trace_stop();
    thread_->request_signals();  // ends a wait of the thread
  }
}

void Tracee::stop_with_process() {
  runs_in_stop_ = true;
  stops_with_process_ = true;
  request_group_stop();
}

void Tracee::interrupt() {
  if (thread_ == nullptr) return;
  is_interrupted_ = true;
  request_group_stop();
}

Result<> Tracee::listen() {
  if (!is_seized_ || stop_ != Stop::group) return fail(Errno::eio);
  listens_ = true;
  has_report_ = false;
  if (has_continued_ || stops_with_process_) request_group_stop();
  return {};
}

void Tracee::note_continue() {
  stopped_by_ = 0;
  cancels_stop_ = true;
  stops_with_process_ = false;
  if (!is_seized_) return;
  has_continued_ = true;
  request_group_stop();
}

void Tracee::stop_for_event(abi::PtraceEvent event, std::uint64_t message) {
  const unsigned code = trap_signal | static_cast<unsigned>(event) << 8;
  message_ = message;
  begin_stop(Stop::event, stopped_with(code),
             {.signal = static_cast<int>(trap_signal),
              .code = static_cast<int>(code),
              .sender = {.process = thread_->id()}});
}

void Tracee::stop_soon(abi::PtraceEvent event, std::uint64_t message) {
  if (!has(abi::option_of(event))) return;
  next_event_ = event;
  message_ = message;
  thread_->request_trace_stop();
}

std::optional<trap::Register> Tracee::before_call() {
  if (is_in_call_) return {};  // the call is made again after a page-in
  trap::UserContext& context = thread_->context();
  if (reports_calls_ && !entry_is_reported_) {
    entry_is_reported_ = true;
    begin_call_stop(Stop::entry);
  } else if (has(abi::option_of(abi::PtraceEvent::exit)) && !exit_is_reported_ &&
             is_exit(context)) {
    exit_is_reported_ = true;
    stop_for_event(abi::PtraceEvent::exit, (context.syscall_arguments()[0] & 0xff) << 8);
  } else {
    entry_is_reported_ = false;
    is_in_call_ = reports_calls_;
    if (is_in_call_ || must_stop()) thread_->request_trace_stop();
    return {};
  }
  repeats_call_ = true;
  thread_->request_trace_stop();
  trap::simulate_trap<trap::Cause::restart>(context);
  return context.syscall_result();
}

void Tracee::begin_pending_stop() {
  if (is_stopped()) return;  // before_call()
  if (next_event_ != abi::PtraceEvent::none) {
    stop_for_event(std::exchange(next_event_, abi::PtraceEvent::none), message_);
    if (is_in_call_) thread_->request_trace_stop();
  } else if (is_in_call_) {
    is_in_call_ = false;
    if (reports_calls_) begin_call_stop(Stop::exit);
  }
  const bool takes_signal_first = injected_ != 0;
  if (!is_stopped() && !is_about_to_call() && !takes_signal_first) (void)begin_requested_stop();
}

bool Tracee::begin_requested_stop() {
  if (!must_stop()) return false;
  begin_group_stop();
  return true;
}

bool Tracee::has_injected() const {
  if (injected_ == 0 || thread_ == nullptr) return false;
  const SignalActions& actions = thread_->process().signal_actions();
  const bool stops =
      actions.effect(static_cast<abi::Signal>(injected_)) == SignalActions::Effect::stop;
  return !stops || !cancels_stop_;
}

bool Tracee::take_injected(abi::SignalInfo& info) {
  const bool has = has_injected();
  const int signal = std::exchange(injected_, 0);
  if (!has) return false;
  info = info_;
  if (info.signal != signal)
    info = {.signal = signal, .code = abi::si_user, .sender = {.process = tracer_->id()}};
  return true;
}

void Tracee::report() {
  has_report_ = true;
  tracer_->child_ended().wake_all();
  const abi::SignalAction action = tracer_->signal_actions()[abi::Signal::sigchld];
  if ((action.flags & abi::sa_nocldstop) != 0 || action.handler == abi::sig_ign) return;
  abi::SignalInfo info = change();
  info.sender.status &= 0x7f;
  tracer_->post_signal(info);
}

void Tracee::choose_signal(int signal) {
  if (stop_ == Stop::signal) {
    injected_ = static_cast<std::uint8_t>(signal);
  } else if (signal != 0 && (stop_ == Stop::entry || stop_ == Stop::exit)) {
    thread_->post_signal({.signal = signal, .code = abi::si_kernel});
  }
}

void Tracee::resume(bool reports_calls) {
  const Stop before = std::exchange(stop_, Stop::none);
  has_report_ = false;
  reports_calls_ = reports_calls;
  // The thread has stopped while it took signals. In other stops a signal that has arrived is
  // noted, and without one the next call may wait.
  if (before == Stop::signal || before == Stop::group) thread_->request_signals();
  if (must_stop()) request_group_stop();
  async::Executor::unpark(*thread_->job());
}

}  // namespace kernel
