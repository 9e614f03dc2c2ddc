#include "syscalls/steps.h"

#include "devices/interrupts.h"

namespace kernel::sys {

NextStep let_others_run(Thread& self) {
  async::Strand::give_way();
  take_interrupts();
  if (self.is_current_job() && take_end_of_turn()) self.set_computing(true);
  return NextStep{self};
}

}  // namespace kernel::sys
