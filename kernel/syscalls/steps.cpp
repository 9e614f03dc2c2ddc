#include "syscalls/steps.h"

#include "devices/interrupts.h"
#include "process/thread.h"

namespace kernel::sys {

NextStep let_others_run(Thread& self) {
  async::Strand::give_way();
  take_interrupts();
  if (take_end_of_turn()) self.set_computing(true);
  return NextStep{self};
}

}  // namespace kernel::sys
