#include "process/oom_kill.h"

#include <kernel/log.h>

#include "process/thread.h"

namespace kernel {
namespace {

/// The process with most private pages, apart from the first one and those that end already.
Process* find_largest() {
  Process* largest = nullptr;
  for (Process& process : processes()) {
    if (process.is_ending() || process.is_zombie() || &process == &first_process()) continue;
    if (largest == nullptr || process.space().own_pages() > largest->space().own_pages()) {
      largest = &process;
    }
  }
  return largest;
}

/// Whether the process with number `id` ends and still has its memory.
bool is_leaving(int id) {
  Process* process = processes().find(id);
  return process != nullptr && process->is_ending() && !process->is_zombie();
}

}  // namespace

bool oom_kill(Thread& needy) {
  static int chosen = 0;
  if (is_leaving(chosen)) return chosen != needy.process().id();
  Process* largest = find_largest();
  if (largest == nullptr || largest == &needy.process()) return false;
  log("out of memory: killing {} ({}), the largest process, {} pages", largest->name(),
      largest->id(), largest->space().own_pages());
  chosen = largest->id();
  largest->terminate(abi::WaitStatus::killed(abi::Signal::sigkill));
  return true;
}

}  // namespace kernel
