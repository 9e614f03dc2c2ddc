#include "memory/out_of_memory.h"

#include <kernel/panic.h>

namespace kernel::memory {

void out_of_memory() {
  panic("out of memory: more was promised than there is");
}

}  // namespace kernel::memory
