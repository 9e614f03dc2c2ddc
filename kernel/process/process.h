// A process: an address space, open files, and the threads that share them.
//
// Each thread owns a reference to its process. The parent's list of children owns one until the
// parent has waited for the process. Between the end of its last thread and that wait the process
// is a zombie: it has only a number, a status and its times.
//
//   create ──▶ running ── last thread ends ──▶ zombie ── wait4, or no parent waits ──▶ freed
//               │   ▲
//   SIGSTOP, ^Z ▼   │ SIGCONT
//              stopped
//
// The strand owns a Process. While the strand is shared, threads of the parent may add children and
// take zombies, and threads of the process may add threads. Interrupt handlers must not use a
// Process.
#pragma once

#include <abi/signal.h>
#include <async/async.h>
#include <async/leaf_lock.h>
#include <async/retired.h>
#include <async/shared_word.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "files/fd_table.h"
#include "files/fs_context.h"
#include "memory/address_space.h"
#include "memory/paged_text.h"
#include "process/capabilities.h"
#include "process/end_watch.h"
#include "process/id_table.h"
#include "process/limit_effects.h"
#include "process/limits.h"
#include "process/pending_signals.h"
#include "process/signal_timers.h"
#include "process/signals.h"
#include "process/syscall_counts.h"
#include "sched/schedule.h"

namespace kernel {

class Thread;
class Tracee;

class Process : public RefCounted<Process>, public ListNode<> {
 public:
  /// The parts that processes can share (clone flags).
  struct Parts {
    Ref<memory::AddressSpace> space;
    Ref<FdTable> files;
    Ref<FsContext> fs;
    Ref<SignalActions> actions;
  };
  Process(int id, Parts parts) : id_{id}, parts_{std::move(parts)} {}

  int id() const { return id_; }  ///< any context
  Process* parent() const { return parent_; }
  /// Whether the first process has inherited this process from a parent that has ended.
  bool is_orphan() const { return is_orphan_; }
  /// The end of a process without owners: destroys it. If the caller shares the strand, it retires
  /// the process (async/retired.h).
  static void destroy(const Process* process);
  /// 0: the process has no parent. Any context.
  int parent_id() const { return parent_id_; }
  const Parts& parts() const { return parts_; }
  memory::AddressSpace& space() { return *parts_.space; }
  FdTable& files() { return *parts_.files; }
  FsContext& fs() { return *parts_.fs; }
  SignalActions& signal_actions() { return *parts_.actions; }
  ResourceLimits& limits() { return limits_; }

  /// The path of the program that the process runs.
  std::string_view path() const { return std::string_view{path_}.substr(0, path_.find('\0')); }
  /// Whether the path had no links, ".", ".." or double slashes when the program began.
  bool has_canonical_path() const { return has_canonical_path_; }
  /// The string given to become(): the path, and for a script a zero and the name.
  const std::string& path_and_name() const { return path_; }
  /// The last component of the path that execve was given: of a script, if it ran one.
  std::string_view name() const;

  /// What prctl sets.
  struct Settings {
    std::uint8_t death_signal = 0;  ///< posted to the process when its parent ends; 0: none
    bool is_subreaper = false;      ///< inherits the orphans among its descendants
    bool is_dumpable = true;
    bool has_no_new_privileges = false;
  };
  /// In the strand.
  Settings& settings() { return settings_; }

  /// What the process may do. In the strand.
  const Capabilities& capabilities() const {
    return rare_ != nullptr ? rare_->capabilities : usual_capabilities;
  }
  bool has(Capability capability) const {
    return rare_ == nullptr || rare_->capabilities.has(capability);
  }
  /// capabilities(), to change them. ENOMEM. In the strand.
  Result<Capabilities*> change_capabilities();
  /// What execve does to them.
  void execute_with_capabilities() {
    if (rare_ != nullptr) rare_->capabilities.execute(settings_.has_no_new_privileges);
  }

  /// The stack pointer at the start of the program: there are its arguments. 0: not known.
  std::uintptr_t start_stack() const { return start_stack_; }
  void set_start_stack(std::uintptr_t address) { start_stack_ = address; }

  async::Instant start_time() const { return start_time_; }
  /// The letter of its state, as in proc(5): Z, R, T or S.
  char state();
  std::uint64_t syscall_count();
  /// CPU time of all threads of the process, ended ones included.
  async::Duration cpu_time();
  /// CPU time of the children that this process has waited for, including that of their own such
  /// children.
  async::Duration children_cpu_time() const { return children_cpu_time_; }
  List<Thread>& threads() { return threads_; }
  bool is_zombie() const { return thread_count_ == 0; }
  /// The schedule of the process's first thread, after that has ended. Calls can still name the
  /// thread by the number of the process.
  Schedule& first_schedule() { return first_schedule_; }
  abi::WaitStatus status() const { return status_.value_or(abi::WaitStatus{}); }
  /// Whether the process has executed a program since its creation.
  bool has_executed() const { return has_executed_; }
  /// Whether a thread that this process has started has needed the floating-point registers. Any
  /// caller may read it, and a thread of the process may set it.
  bool threads_use_floating_point() const { return threads_use_floating_point_; }
  void note_floating_point_of_thread() { threads_use_floating_point_ = true; }

  // ── For files of /proc, which no program has opened for most processes ──

  struct Observed {
    std::unique_ptr<SyscallCounts> ended;         ///< counted calls of threads that have ended
    std::unique_ptr<Directory::Entry> directory;  ///< /proc/PID; null until its first look-up
    Ref<EndWatch> end_watch;                      ///< null until watch_end()
  };
  /// Null until observe(). It changes only in the strand.
  Observed* observed() const { return observed_; }
  /// Makes observed(), if there is none. ENOMEM. In the strand, before the process is reaped.
  Result<Observed*> observe();
  /// The object that other processes observe the end of this one by (pidfd_open). ENOMEM. In the
  /// strand. The caller has checked that there is memory for an EndWatch.
  Result<Ref<EndWatch>> watch_end();
  /// Makes `watch` the answer of watch_end(). The process is new. ENOMEM.
  Result<> begin_watch(Ref<EndWatch> watch);

  // ── Family ──

  /// A caller that shares the strand is a thread of this process.
  void add_child(Ref<Process> child);
  /// The child with this number, or null.
  Process* child(int id);
  /// Calls each(child) for the children that have not ended. In the strand.
  template <class Each>
  void for_each_child(Each&& each) {
    for (Process& child : children_) each(child);
  }
  /// The same for children that have ended and were not reaped yet, in the order of their ends.
  template <class Each>
  void for_each_zombie(Each&& each) {
    for (Process& child : zombies_) each(child);
  }
  bool has_children() const { return !children_.empty() || !zombies_.empty(); }
  /// The child that has ended first and was not reaped yet, or null.
  Process* first_zombie() { return zombies_.empty() ? nullptr : &zombies_.front(); }
  /// Woken when a child has become a zombie.
  async::WaitList& child_ended() { return child_ended_; }
  /// Lets the running job, whose coroutine is `waiter`, wait for child_ended() while it shares the
  /// strand. `id`: as in reap_sharing(). Returns false if the job must not wait, because a child
  /// has ended, no child has this number, or the job is stopped.
  bool wait_sharing(int id, std::coroutine_handle<> waiter);
  /// Removes `zombie`, a child, from the parent and from processes(). Its last Ref frees it.
  void reap(Process& zombie);
  /// reap(), for a caller that shares the strand. `id`: the child's number; 0 and -1: the child
  /// that has ended first. Null: there is no such zombie.
  Ref<Process> reap_sharing(int id);

  // ── Life ──

  /// Adds a new thread. A caller that shares the strand is a thread of this process, or no other
  /// hart knows the process yet.
  void add_thread(Thread& thread);
  /// The coroutine of `thread` calls this last. After the last thread, the process becomes a zombie
  /// and frees its memory and files.
  void remove_thread(Thread& thread);
  /// remove_thread() for a hart that shares the strand. Returns false if that needs the strand;
  /// then the call has changed nothing.
  bool remove_thread_sharing(Thread& thread);
  /// Whether the last thread may end while its hart shares the strand, and no other hart uses the
  /// memory.
  bool may_end_sharing();

  /// Copies the limits and the path of the parent (fork).
  void inherit(const Process& parent);
  /// Whether one thread is left. A thread that is about to end counts, too. If the only thread
  /// calls it, no other hart can change the answer, and this one sees all that ended threads did.
  bool has_one_thread() const { return thread_count_ == 1; }
  unsigned thread_count() const { return thread_count_; }
  /// Woken when a thread of this process has ended and others are left: execve waits for that. The
  /// first process's list is also woken after its last thread: boot code then powers off.
  async::WaitList& thread_ended() { return thread_ended_; }

  /// Copies the file table and the signal actions if another process shares them (execve). ENOMEM.
  /// Other threads of this process may still run; they share the copies.
  Result<> own_parts();
  /// The same for the file table alone, and for the working directory, the root and the umask
  /// (unshare). ENOMEM.
  Result<> own_files();
  Result<> own_fs();
  /// Changes to another program's memory (execve). `path`: of its file. If name() is not the last
  /// component of the path, a zero and the name are behind it. `has_canonical_path`: see the
  /// function of that name. The caller is the only thread left.
  void become(Ref<memory::AddressSpace> space, std::string path, bool has_canonical_path);

  /// Records the exit code of a thread that calls exit(2). The process exits with the last recorded
  /// code, unless terminate() sets a status (synchronize_group_exit(), Linux, kernel/exit.c).
  void note_exit_code(int code) { exit_code_ = code; }

  /// A higher floor's action at the end of the process: the destructor, in the strand.
  class AtEnd {
   public:
    virtual ~AtEnd() = default;
    /// Does as much of the destructor's work as fits into a step. Returns whether none is left.
    virtual bool do_some() = 0;
  };
  /// The changes of System V semaphores to undo (ipc/semaphores.h); null: none. In the strand.
  AtEnd* semaphore_undo() const { return rare_ != nullptr ? rare_->semaphore_undo.get() : nullptr; }
  /// The destructor of `undo` runs at the end of the process. ENOMEM. In the strand.
  Result<> set_semaphore_undo(std::unique_ptr<AtEnd> undo);

  /// The threads that this process traces, and those that have ended and that it has not waited for
  /// (tracing.h); null: it never traced one. In the strand.
  List<Tracee>* tracees() const { return rare_ != nullptr ? &rare_->tracees : nullptr; }
  bool has_tracees() const { return rare_ != nullptr && !rare_->tracees.empty(); }
  /// tracees(), made if there are none. Null: no memory.
  List<Tracee>* make_tracees() { return make_rare() ? &rare_->tracees : nullptr; }

  /// Ends all threads. The first call sets the status.
  void terminate(abi::WaitStatus status);
  bool is_ending() const { return status_.has_value(); }
  /// Ends every thread but `survivor` (execve).
  void terminate_others(Thread& survivor);

  /// Sends a signal to the process. While each of its threads blocks the signal, the signal stays
  /// pending, even if the process ignores it: the action may change (signal(7)). Otherwise the
  /// signal ends the process, or one of those threads runs the handler, or nothing happens if the
  /// process ignores it. Returns whether take_signal() will return `info`.
  bool post_signal(const abi::SignalInfo& info);
  /// If the new action ignores the signal, the signal is no longer pending for the process or its
  /// threads (POSIX, 2.4.3 Signal Actions). ENOMEM: as SignalActions::set(). In the strand.
  Result<> set_signal_action(abi::Signal signal, const abi::SignalAction& action);
  bool has_pending_signals() const { return !pending_.empty(); }
  abi::SignalSet pending_signals() const { return pending_.set(); }
  /// The signals that wait for the process: any of its threads may take them.
  const PendingSignals& queue() const { return pending_; }
  void lose_info(abi::Signal signal) { pending_.lose_info(signal); }
  /// Forgets those of `signals` that are pending for the process or for one of its threads.
  void discard_pending(abi::SignalSet signals);
  /// Takes a pending signal that is a member of `wanted`. Returns false if there is none.
  bool take_signal(abi::SignalSet wanted, abi::SignalInfo& taken) {
    return pending_.take(wanted, taken);
  }

  /// Jobs that wait for a signal to become pending, for the process or one of its threads, and
  /// observers. The end of the process wakes all of them. In the strand.
  async::WaitList& signal_arrivals() { return signal_arrivals_; }

  /// Lets another thread take each pending signal, if there is one that may. Call it when a thread
  /// that was chosen to take a signal ends, blocks it or no longer awaits it. In the strand.
  [[gnu::cold, gnu::noinline]] void choose_takers();

  /// The address of the instructions that return from a handler (trap::signal_return_code); 0: they
  /// are not mapped.
  std::uintptr_t signal_return() const { return signal_return_; }
  /// Maps them. ENOMEM. In the strand.
  Result<> map_signal_return();

  bool has_cpu_limit() const { return rare_ != nullptr && rare_->cpu_limit != nullptr; }
  /// Begins to enforce RLIMIT_CPU, which has changed. False: no memory. In the strand.
  bool limit_cpu_time();

  /// The timers that send signals; null: it never had one. In the strand.
  SignalTimers* signal_timers() const { return signal_timers_.get(); }
  /// Makes signal_timers(), if there are none. ENOMEM. In the strand.
  Result<SignalTimers*> make_signal_timers();

  // ── Job control (process/job_control.h) ──

  /// The number of the process group. 0: the group of the machine's first process. Any context.
  int group() const { return group_; }
  /// The number of the session. 0: the session of the machine's first process. Any context.
  int session() const { return session_; }
  bool leads_session() const { return session_ == id_; }
  /// In the strand.
  void set_group(int group) { group_ = group; }
  /// Makes the process the leader of a new group in a new session. In the strand.
  void begin_session() { group_ = session_ = id_; }

  /// Whether a signal has stopped the process: none of its threads returns to the program before
  /// resume(). A caller in the strand, or one that shares it.
  bool is_stopped() const { return stopped_by_ != 0; }
  /// The number of the signal that has stopped the process; 0: it is not stopped.
  std::uint8_t stopped_by() const { return stopped_by_; }
  /// How many processes are stopped. As is_stopped().
  static unsigned stopped_count() { return stopped_count_; }
  /// Stops the process; `signal` is reported to the parent when all threads wait. The threads but
  /// `taker` end their interruptible waits. In the strand.
  void stop(abi::Signal signal, const Thread& taker);
  /// A thread that begins to wait for resume() calls this.
  void note_stopped_thread();
  /// A thread that note_stopped_thread() has counted ends.
  void forget_stopped_thread() { --stopped_threads_; }
  /// Lets a stopped process run again. In the strand.
  void resume();
  /// Whether the parent can learn now that the process has stopped or continued (wait4). Each such
  /// change is reported once.
  bool has_report() const { return report_.word() != 0; }
  abi::WaitStatus report() const { return report_; }
  /// What SIGCHLD and waitid tell of the end of the process, or of its report().
  abi::SignalInfo change() const;
  void drop_report() { report_ = abi::WaitStatus{}; }

 private:
  friend RefCounted<Process>;
  friend async::Retired;
  friend class Thread;
  /// A thread that may take the signal, if possible one that takes no other; null: all block it.
  Thread* taker_of(abi::SignalSet bit);
  /// Does what the arrival of `signal` does at once: SIGCONT continues the process, and stop
  /// signals and SIGCONT remove each other. `is_taken`: a thread takes the signal, and does not
  /// await it. Then a signal that ends the process ends it. Returns whether the signal becomes
  /// pending.
  bool keeps_signal(abi::Signal signal, bool is_taken);
  bool keeps_job_control_signal(abi::Signal signal, bool is_taken);
  bool keeps_without_handler(abi::Signal signal);
  /// Makes `report` the report of wait4, and tells the parent.
  void report_to_parent(abi::WaitStatus report);
  void report_stop_if_complete();
  /// Whether a child that ends must do more for this process, its parent, than wake it. In the
  /// strand, or with family_lock_.
  bool takes_child_signals();
  /// The end of a process whose parent takes_child_signals(): posts SIGCHLD, and removes the zombie
  /// if the parent ignores that signal.
  [[gnu::cold, gnu::noinline]] void notify_parent();
  ~Process();  // called when the last Ref is dropped

  void become_zombie();
  void become_zombie_sharing();
  /// What the end of a process does to groups and sessions: see process/job_control.h.
  [[gnu::cold, gnu::noinline]] void leave_job_control();
  /// Adds what `thread`, which ends, has used.
  void take_accounts(Thread& thread);
  /// Removes the process from processes(), and its directory.
  inline void leave_table();
  [[gnu::cold, gnu::noinline]] void end_observed();
  bool has_end_watch() const { return observed_ != nullptr && observed_->end_watch; }
  void leave_children();
  /// The process that inherits the children of this one, which ends: the nearest ancestor that is a
  /// subreaper, or the first process. Null: no process reaps them.
  Process* heir();

  void set_parent(Process* parent);
  /// Removes `zombie` from this process, its parent.
  void remove_zombie(Process& zombie);

  // What clone, exit and wait4 write is not on the cache lines of the number and the parts, which
  // most calls read. The lock is for callers that share the strand: it protects the children, the
  // threads, and children_cpu_time_.
  async::LeafLock family_lock_;
  async::Duration children_cpu_time_{};
  List<Thread> threads_;
  async::WaitList signal_arrivals_;
  List<Process> children_;  // those that are alive
  List<Process> zombies_;   // children that have ended, in the order of their ends
  async::WaitList child_ended_;
  async::WaitList thread_ended_;
  // What very few processes have.
  struct Rare {
    Capabilities capabilities;
    std::unique_ptr<CpuLimit> cpu_limit;    // null: RLIMIT_CPU was never set
    std::unique_ptr<AtEnd> semaphore_undo;  // null: none
    List<Tracee> tracees;                   // owned
  };
  bool make_rare();
  void leave_space();
  static constexpr Capabilities usual_capabilities{};

  // Few processes use what follows.
  std::unique_ptr<Rare> rare_;
  Settings settings_;
  abi::WaitStatus report_;  // 0, which is no report: there is none
  unsigned stopped_threads_ = 0;
  bool has_executed_ = false;
  bool has_canonical_path_ = false;
  bool stop_is_reported_ = false;
  bool is_orphan_ = false;
  async::SharedWord<bool> threads_use_floating_point_ = false;
  async::SharedWord<std::uint8_t> stopped_by_ = 0;
  std::uintptr_t signal_return_ = 0;
  std::unique_ptr<SignalTimers> signal_timers_;
  std::uintptr_t start_stack_ = 0;

  alignas(64) const int id_;
  async::SharedWord<int> parent_id_ = 0;  // the id of parent_; getppid reads it outside the strand
  // Null or alive: a parent that ends leaves its children to another process.
  async::SharedWord<Process*> parent_ = nullptr;
  Parts parts_;  // a zombie has no space and no files
  async::SharedWord<int> group_ = 0;
  async::SharedWord<int> session_ = 0;
  static constinit async::SharedWord<unsigned> stopped_count_;
  ResourceLimits limits_;
  PendingSignals pending_;
  std::string path_;  // and maybe the name: see become()
  const async::Instant start_time_ = async::now();
  Schedule first_schedule_;
  async::SharedWord<int> exit_code_ = 0;
  std::optional<abi::WaitStatus> status_;  // set when the process begins to end
  // Starts and ends of threads write these, so they are last: not on the cache line of the parts.
  async::PublishedWord<unsigned> thread_count_ = 0;
  std::uint64_t ended_syscalls_ = 0;  // system calls of ended threads
  async::Duration ended_cpu_time_{};
  // Owned. Not a unique_ptr: it is null before the destructor runs, because leave_table() ends it,
  // and reap_sharing() leaves processes with it to the strand.
  Observed* observed_ = nullptr;
};

extern constinit IdTable<Process> process_table;  // for processes()
/// All processes by number. The first one has number 1 and inherits orphans; the machine stops when
/// it ends.
inline IdTable<Process>& processes() {
  return process_table;
}
Process& first_process();
/// Woken when the first process has become a zombie. Boot code waits here.
async::WaitList& first_process_ended();
/// Finds a process by its number, or by the number of one of its threads. Null if there is none.
Process* process_of(int id);

/// The most threads and processes together.
inline constexpr std::size_t most_threads = IdSlots::limit / 4;

}  // namespace kernel
