#include "process/large_memory.h"

#include "process/running.h"
#include "syscalls/steps.h"

namespace kernel {
namespace {

/// Whether no other thread can reach the memory of `self`, of whatever process.
bool is_only_user(Thread& self) {
  const AddressSpace& space = self.space();
  return self.process().has_only(self) && space.owners() == 1 + harts_set_up_for(space);
}

}  // namespace

bool copies_in_steps(Thread& self) {
  return !self.space().is_small() && is_only_user(self);
}

async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self) {
  AddressSpace& space = self.space();
  auto child = space.begin_fork();
  if (!child) co_return child;
  for (hal::VirtAddr at = hal::user_begin;;) {
    const hal::VirtAddr end = space.end_of_step(at, hal::user_end);
    if (auto copied = space.copy_pages(**child, at, end); !copied) co_return fail(copied.error());
    if (end == hal::user_end) co_return child;
    at = end;
    co_await sys::let_others_run(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

async::Task<> discard_memory(Thread& self, hal::VirtAddr start, hal::VirtAddr end) {
  AddressSpace& space = self.space();
  while (start < end) {
    const hal::VirtAddr next = space.end_of_step(start, end);
    (void)space.discard(start, next - start);
    start = next;
    if (start < end) co_await sys::let_others_run(self);
  }
}

bool has_memory_to_give_back(Thread& self) {
  return !self.space().is_small() && is_only_user(self);
}

async::Task<> give_back_memory(Thread& self) {
  return discard_memory(self, hal::user_begin, hal::user_end);
}

}  // namespace kernel
