// A process: an address space, open files and the threads that share them.
//
// Who owns it: each of its threads, and its parent until that has waited for it. Between the end of
// its last thread and that wait it is a zombie: a number and a status.
//
//   create ──▶ running ── last thread left ──▶ zombie ── wait4, or nobody to wait ──▶ gone
//
// Task context on the kernel's harts; nothing here may be used by interrupt handlers.
#pragma once

#include <abi/signal.h>
#include <async/async.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <optional>
#include <string>
#include <string_view>

#include "files/fd_table.h"
#include "files/fs_context.h"
#include "memory/address_space.h"
#include "memory/paged_text.h"
#include "process/id_table.h"
#include "process/limits.h"
#include "process/schedule.h"
#include "process/signals.h"

namespace kernel {

class Thread;

class Process : public RefCounted<Process>, public IdTableEntry<Process>, public ListNode<> {
 public:
  /// What a process may share with others.
  struct Parts {
    Ref<memory::AddressSpace> space;
    Ref<FdTable> files;
    Ref<FsContext> fs;
    Ref<SignalActions> actions;
  };
  Process(int id, Parts parts);

  int id() const { return id_; }
  Process* parent() const { return parent_; }
  int parent_id() const { return parent_ ? parent_->id_ : 0; }
  const Parts& parts() const { return parts_; }
  memory::AddressSpace& space() { return *parts_.space; }
  FdTable& files() { return *parts_.files; }
  FsContext& fs() { return *parts_.fs; }
  SignalActions& signal_actions() { return *parts_.actions; }
  ResourceLimits& limits() { return limits_; }

  /// The path of the program it runs; its last component is its name.
  const std::string& path() const { return path_; }
  std::string_view name() const;

  async::Instant start_time() const { return start_time_; }
  std::uint64_t syscall_count();
  /// Of its threads, those that have ended included.
  async::Duration cpu_time();
  /// Of children that have ended and were waited for, and theirs.
  async::Duration children_cpu_time() const { return children_cpu_time_; }
  List<Thread>& threads() { return threads_; }
  bool is_zombie() const { return threads_.empty(); }
  /// What its first thread left behind when it ended: its number still means something.
  Schedule& first_schedule() { return first_schedule_; }
  abi::WaitStatus status() const { return status_.value_or(abi::WaitStatus{}); }

  // ── Family ──

  void add_child(Ref<Process> child);
  List<Process>& children() { return children_; }
  /// Woken when a child has become a zombie.
  async::WaitList& child_ended() { return child_ended_; }
  /// Takes a zombie out of the family and out of the table. It is gone with its last Ref.
  void reap(Process& zombie);

  // ── Life ──

  void add_thread(Thread& thread);
  /// The end of `thread`, called by itself at the very end. After the last one the process is a
  /// zombie and its memory and files are given back.
  void remove_thread(Thread& thread);

  /// Takes over what a child has from its parent, besides the parts (fork).
  void inherit(const Process& parent);
  /// Whether no thread but `thread` is left, not even one that is about to end.
  bool has_only(const Thread& thread);
  /// Woken whenever a thread has left.
  async::WaitList& thread_ended() { return thread_ended_; }

  /// Copies files and signal actions if another process shares them, as execve needs it; ENOMEM.
  /// The other threads of this process may still run, and share the copies.
  Result<> own_parts();
  /// Another program (execve): its memory and its name. The only thread left calls it.
  void become(Ref<memory::AddressSpace> space, std::string path);

  /// exit(2) of one thread: the code of the last thread that calls it is the process's, if nothing
  /// else ends it (synchronize_group_exit(), Linux, kernel/exit.c).
  void note_exit_code(int code) { exit_code_ = code; }

  /// Makes every thread leave the kernel's hands as soon as it can; the first status given stays.
  void terminate(abi::WaitStatus status);
  bool is_ending() const { return status_.has_value(); }
  /// Ends every thread but `survivor` (execve).
  void terminate_others(Thread& survivor);

  /// Sends a signal: ends the process, is ignored, or stays pending while every thread blocks it.
  void post_signal(abi::Signal signal);
  /// Delivers what has become deliverable to `thread`, whose mask has changed.
  void deliver_pending(Thread& thread);

 private:
  friend RefCounted<Process>;
  ~Process();  // with its last Ref

  void become_zombie();
  void leave_children_to_init();

  const int id_;
  Process* parent_ = nullptr;  // outlives us or hands us on
  Parts parts_;                // space and files are empty in a zombie
  ResourceLimits limits_;
  abi::SignalSet pending_ = 0;
  std::string path_;
  const async::Instant start_time_ = async::now();
  List<Thread> threads_;
  List<Process> children_;
  async::WaitList child_ended_;
  async::WaitList thread_ended_;
  Schedule first_schedule_;
  int exit_code_ = 0;
  std::optional<abi::WaitStatus> status_;  // set once the end has been decided
  std::uint64_t ended_syscalls_ = 0;       // of threads that are no more
  async::Duration ended_cpu_time_{};
  async::Duration children_cpu_time_{};
};

/// All processes by number; the first one, number 1, inherits orphans and its end is the machine's.
IdTable<Process>& processes();
Process& first_process();
/// Whom a number means to most calls: the process that has it, or one of whose threads does. Null
/// if there is none.
Process* process_of(int id);

/// A number that neither a process nor a thread has.
int allocate_id();

/// The table that `ps` reads: one line a process, columns separated by tabs, a heading line first.
/// Of very many, only the first are told.
void list_processes(PagedText& out);

}  // namespace kernel
