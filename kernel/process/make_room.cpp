#include "process/make_room.h"

#include <kernel/log.h>

#include "process/thread.h"

namespace kernel {
namespace {

/// Who has to go: running, not the first process, and with most pages of its own.
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

/// Whether the process chosen last still has its memory.
bool is_leaving(int id) {
  Process* process = processes().find(id);
  return process != nullptr && process->is_ending() && !process->is_zombie();
}

}  // namespace

bool make_room(Thread& needy) {
  static int chosen = 0;
  if (is_leaving(chosen)) return chosen != needy.process().id();
  Process* largest = find_largest();
  if (largest == nullptr || largest == &needy.process()) return false;
  log("out of memory: {} ({}) has most of it, {} pages, and has to end", largest->name(),
      largest->id(), largest->space().own_pages());
  chosen = largest->id();
  largest->terminate(abi::WaitStatus::killed(abi::Signal::sigkill));
  return true;
}

}  // namespace kernel
