// A thread that another process traces (ptrace(2)). The thread stops when it has something to
// report, and waits for its tracer:
//
//     runs ── stop() ──▶ Thread::await_tracer() ── the tracer's wait4 learns of the stop ──▶
//     resume()
//      ▲                                                                                    │
//      └────────────────────────────────────────────────────────────────────────────────────┘
//
// A call of the thread is reported before it is made and after it has ended. Before it: the thread
// stops instead of making the call, goes back to the instruction, and makes the call at the second
// time. So while a thread of the machine is traced, system calls have no fast path
// (intercept_calls()).
//
// The tracer owns its tracees. In the strand.
#pragma once

#include <abi/ptrace.h>
#include <abi/signal.h>
#include <kernel/list.h>
#include <kernel/result.h>
#include <trap/answer.h>

#include <optional>

namespace kernel {

class Process;
class Thread;

class Tracee : public ListNode<> {
 public:
  enum class Stop : std::uint8_t { none, signal, group, entry, exit, event };

  enum class Attached : std::uint8_t { usual, seized };

  /// Lets `tracer` trace the thread, which no process traces. ENOMEM.
  static Result<Tracee*> begin(Thread& thread, Process& tracer, unsigned options = 0,
                               Attached how = Attached::usual);
  /// The tracer does not trace the thread any more. If it stopped, it runs again, or its process
  /// stops if a signal has said so. Destroys this.
  void end();
  /// end() for all tracees of a process that ends. Kills those with PTRACE_O_EXITKILL.
  static void end_all(Process& tracer);
  /// The thread ends. The tracee remains until the tracer has waited for it, or ends now.
  void note_end(abi::WaitStatus status);

  /// Null: it has ended.
  Thread* thread() const { return thread_; }
  Process& tracer() const { return *tracer_; }
  int id() const;
  bool is_stopped() const { return stop_ != Stop::none; }
  Stop stop() const { return stop_; }
  bool has(unsigned option) const { return (options_ & option) != 0; }
  unsigned options() const { return options_; }
  void set_options(unsigned options) { options_ = options; }
  /// PTRACE_GETEVENTMSG.
  std::uint64_t message() const { return message_; }
  /// PTRACE_GETSIGINFO, PTRACE_SETSIGINFO. Null: the thread, which was not seized, stops for a stop
  /// of its process.
  abi::SignalInfo* info() { return stop_ == Stop::group && !is_seized_ ? nullptr : &info_; }

  /// Whether the thread runs although its process is stopped: its tracer attached to it during the
  /// stop, or stop_with_process(), and it lets the thread run. Until the process continues.
  bool runs_in_stop() const { return runs_in_stop_; }
  void set_runs_in_stop(bool runs) { runs_in_stop_ = runs; }

  // ── Seized threads (PTRACE_SEIZE): each Stop::group reports PTRACE_EVENT_STOP ──

  bool is_seized() const { return is_seized_; }
  Attached attached() const { return is_seized_ ? Attached::seized : Attached::usual; }
  /// PTRACE_INTERRUPT: a thread that runs stops soon, one that has stopped stops once more.
  void interrupt();
  /// PTRACE_LISTEN: the thread remains stopped. It reports the stop again when its process
  /// continues, or at interrupt(). EIO: the thread has not stopped for the group.
  Result<> listen();
  /// Whether the tracer, which has called listen(), has no access to the thread.
  bool listens() const { return listens_; }
  /// SIGCONT was sent to the process. Also for threads that are not seized.
  void note_continue();

  // ── For wait4 and waitid ──

  /// Whether the tracer can learn now of a stop or of the end.
  bool has_report() const { return has_report_; }
  abi::WaitStatus status() const { return status_; }
  /// What waitid tells.
  abi::SignalInfo change() const;
  /// The tracer has learnt of it. Destroys a tracee that has ended.
  void drop_report();

  // ── For the thread ──

  /// The thread takes a signal: it stops, and resume() chooses the signal that it gets.
  void stop_for_signal(const abi::SignalInfo& info);
  /// The thread gets a signal that stops its process.
  void stop_for_group(const abi::SignalInfo& info);
  /// A thread that no process traces gets a signal that stops the process: this thread stops soon.
  void stop_with_process();
  /// Lets the thread stop before it runs its program again.
  void stop_soon(abi::PtraceEvent event, std::uint64_t message);
  /// Lets the thread stop now; it must await_tracer().
  void stop_for_event(abi::PtraceEvent event, std::uint64_t message);
  /// Called before a call is made. Has a value if the thread stops instead: the call's result for
  /// now.
  std::optional<trap::Register> before_call();
  /// Begins the stop that stop_soon() and the end of a call have asked for.
  void begin_pending_stop();
  /// Begins the stop for the group that the tracer or the process has asked for. False: none has.
  /// Called before the thread takes a signal that the tracer does not know.
  bool begin_requested_stop();
  /// Whether the thread has reported a call and is about to make it. It takes no signals then.
  bool is_about_to_call() const { return entry_is_reported_; }
  /// Whether the call that the thread has reported must be made when it runs again.
  bool repeats_call() const { return repeats_call_; }
  /// The thread runs again, and makes the call, or not (`is_made`).
  void note_resumed_call(bool is_made) {
    repeats_call_ = false;
    if (!is_made) entry_is_reported_ = false;
  }
  /// The instruction of the reported call has raised an exception: the tracer, or another thread,
  /// has changed or unmapped it. The thread does not make the call, and takes its signals.
  void forget_call() { entry_is_reported_ = false; }
  /// Whether the tracer has resumed the thread with a signal. Not if it would stop the process,
  /// which got SIGCONT since the thread stopped for a signal.
  bool has_injected() const;
  /// Takes that signal. False: there is none.
  bool take_injected(abi::SignalInfo& info);
  /// Tells the tracer of the stop.
  void report();

  // ── For the tracer ──

  /// The signal that the stopped thread gets when it runs again; 0: none. Stops for the group and
  /// for events ignore it.
  void choose_signal(int signal);
  /// Lets the stopped thread run. `reports_calls`: it stops at the next call.
  void resume(bool reports_calls);

 private:
  Tracee(Thread& thread, Process& tracer, unsigned options, Attached how)
      : thread_{&thread},
        tracer_{&tracer},
        options_{options},
        is_seized_{how == Attached::seized} {}
  void begin_stop(Stop stop, abi::WaitStatus status, const abi::SignalInfo& info);
  void begin_call_stop(Stop stop);
  /// A stop of a seized thread for the stop of its process, or else for its tracer.
  void begin_group_stop();
  /// Lets the thread stop, or report its stop again if it listens.
  void request_group_stop();
  bool must_stop() const { return is_interrupted_ || has_continued_ || stops_with_process_; }
  void remove();

  Thread* thread_;
  Process* tracer_;
  unsigned options_;
  int id_ = 0;  // after the end of the thread
  Stop stop_ = Stop::none;
  abi::PtraceEvent next_event_ = abi::PtraceEvent::none;
  bool has_report_ = false;
  bool reports_calls_ = false;
  bool entry_is_reported_ = false;
  bool exit_is_reported_ = false;
  bool is_in_call_ = false;  // its end is to be reported
  bool repeats_call_ = false;
  bool runs_in_stop_ = false;
  const bool is_seized_;
  bool listens_ = false;
  bool is_interrupted_ = false;      // interrupt() since the last stop
  bool has_continued_ = false;       // note_continue() since the last stop for the group
  bool stops_with_process_ = false;  // stop_with_process() since then
  bool cancels_stop_ = false;        // note_continue() since the thread has stopped for a signal
  std::uint8_t injected_ = 0;
  std::uint8_t stopped_by_ = 0;  // the last signal that has stopped the process; 0: it continues
  abi::WaitStatus status_;
  std::uint64_t message_ = 0;
  abi::SignalInfo info_{};
};

/// Called with true before the first thread of the machine is traced, and with false after the last
/// one. A higher floor sets it at boot.
inline constinit void (*intercept_calls)(bool on) = nullptr;

/// Whether another process traces the thread or one of the process's threads.
bool is_traced(const Thread& thread);
bool is_traced(Process& process);

}  // namespace kernel
