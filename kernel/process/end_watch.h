// The end of a process, as other processes observe it by a file (pidfd_open(2)).
#pragma once

#include <async/wait_list.h>
#include <kernel/ref.h>

#include "files/file.h"

namespace kernel {

class Process;

/// Owned by the process until it is reaped, and by the files that stand for it. Strand data.
class EndWatch : public RefCounted<EndWatch> {
 public:
  /// begin() must follow.
  EndWatch() = default;

  void begin(Process& process) { process_ = &process; }
  /// Null: the process was reaped, or does not exist yet.
  Process* process() const { return process_; }
  async::WaitList& changes() { return changes_; }

  /// The process has become a zombie.
  void note_end() { changes_.wake_all(); }
  void note_reaped() {
    process_ = nullptr;
    changes_.wake_all();
  }

 private:
  Process* process_ = nullptr;
  async::WaitList changes_;
};

/// A file that stands for a process. `flags`: O_NONBLOCK or 0. The caller has checked that there is
/// memory for `pid_file_bytes`.
Ref<File> make_pid_file(Ref<EndWatch> watch, int flags);
extern const std::size_t pid_file_bytes;

}  // namespace kernel
