#include "syscalls/outside.h"

namespace kernel::sys {

[[gnu::noinline]] std::byte* outside::walk(Thread& self, std::uintptr_t address,
                                           hal::Access wanted) {
  const async::Strand::Telling told;
  return self.space().walk_sharing(address, wanted, self.owns_space());
}

}  // namespace kernel::sys
