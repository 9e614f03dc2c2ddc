// The effects of RLIMIT_FSIZE and RLIMIT_CPU, which signal the program.
#pragma once

#include <async/timer.h>

#include <memory>

namespace kernel {

class Process;

/// RLIMIT_CPU of a process: SIGXCPU at the soft limit and each second of CPU time behind it, then
/// SIGKILL at the hard limit. It looks at the CPU time when the limit may be reached, so signals
/// come up to 10 ms late. In the strand.
class CpuLimit : private async::Timer {
 public:
  explicit CpuLimit(Process& process) : async::Timer{&fire}, process_{process} {}
  CpuLimit(const CpuLimit&) = delete;
  ~CpuLimit();

  /// Call it after the limits of the process have changed.
  void update();

 private:
  static void fire(async::Timer& timer) noexcept;
  void arm(async::Duration used);

  Process& process_;
};

/// Call it after prlimit has changed a limit of a process that runs. ENOMEM.
bool apply_limit(Process& process, int resource);

}  // namespace kernel
