// out_of_memory() has a source of its own, so that unit tests can replace it.
#include "memory/frames.h"

#include <kernel/panic.h>

namespace kernel::memory {

void out_of_memory() {
  panic("out of memory: the kernel's reserve was too small");
}

}  // namespace kernel::memory
