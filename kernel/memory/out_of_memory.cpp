#include "memory/out_of_memory.h"

#include <kernel/panic.h>

namespace kernel::memory {

void out_of_memory() {
  panic("out of memory: the kernel's reserve was too small");
}

}  // namespace kernel::memory
