// Apart from frames.cpp, because unit tests replace it.
#include "memory/frames.h"

#include <kernel/panic.h>

namespace kernel::memory {

void out_of_memory() {
  panic("out of memory: the kernel's reserve was too small");
}

}  // namespace kernel::memory
