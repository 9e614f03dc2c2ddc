// What a trap asks for that needs no waiting: part of a thread's life (life.cpp), and all that the
// handler of the other trap shape does (trap_handler.cpp). In the strand.
#pragma once

#include <kernel/result.h>
#include <trap/trap.h>

#include "process/thread.h"

namespace kernel {

/// Makes the page there. Errors are AddressSpace::fault's.
inline Result<> serve_page_fault(Thread& self, trap::Trap trap) {
  memory::AddressSpace& space = self.space();
  if (auto made = space.fault(trap.address, trap.access); !made) return made;
  if (space.code_written()) space.synchronize_code();
  return {};
}

}  // namespace kernel
