#include "process/steps.h"

#include "devices/interrupts.h"

namespace kernel::sys {

NextStep cond_resched(Thread& self) {
  async::Strand::yield();
  take_interrupts();
  if (self.is_current_job() && timeslice_expired()) self.set_cpu_bound(true);
  return NextStep{self};
}

}  // namespace kernel::sys
