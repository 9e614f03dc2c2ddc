// Machines without a vDSO: programs make system calls to read the clock.
#include "process/vdso.h"

namespace kernel::vdso {

const std::size_t bytes = 0;

void start() {}

void note_wall_clock() {}

bool map_at(Thread&, hal::VirtAddr) {
  return false;
}

}  // namespace kernel::vdso
