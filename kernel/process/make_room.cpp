#include "process/make_room.h"

#include <kernel/log.h>

#include "process/thread.h"

namespace kernel {

bool make_room(Thread& needy) {
  Process* largest = nullptr;
  for (Process& process : processes()) {
    if (process.is_zombie()) continue;
    if (process.is_ending()) return &process != &needy.process();
    if (&process == &first_process()) continue;
    if (largest == nullptr || process.space().resident() > largest->space().resident()) {
      largest = &process;
    }
  }
  if (largest == nullptr || largest == &needy.process()) return false;
  log("out of memory: {} ({}) has most of it, {} pages, and has to end", largest->name(),
      largest->id(), largest->space().resident());
  largest->terminate(abi::WaitStatus::killed(abi::Signal::sigkill));
  return true;
}

}  // namespace kernel
