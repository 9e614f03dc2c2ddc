#include "syscalls/private_calls.h"

#include <abi/shared_priority.h>

#include "process/shared_priority.h"
#include "process/thread.h"

namespace kernel {

Result<> sys::share_priority(Thread& self, std::uintptr_t address) {
  if (address % alignof(abi::SharedPriority) != 0) return fail(Errno::einval);
  if (address != 0) {
    const auto there = self.space().fault_in(address, hal::Access::write);
    if (!there) return fail(there.error());
  }
  if (address != self.shared_priority()) self.share_priority(address);
  if (address != 0) exchange_priority(self);
  return {};
}

Result<> sys::set_thread_pointer(Thread& self, std::uintptr_t address) {
  self.context().set_thread_pointer(address);
  return {};
}

}  // namespace kernel
