#include "process/steps.h"

#include "devices/interrupts.h"

namespace kernel {

sys::NextStep sys::cond_resched(Thread& self) {
  async::Strand::yield();
  take_interrupts();
  if (self.is_current_job() && timeslice_expired()) self.set_cpu_bound(true);
  return NextStep{self};
}

std::coroutine_handle<> YieldSharing::await_suspend(std::coroutine_handle<> self) {
  async::Job& job = async::current_job();
  job.set_leaf(self);
  async::Executor& executor = async::current_executor();
  // A thread with an inherited priority yields to fewer jobs than its level() says.
  const bool has_rival = to_ == To::end || executor.has_ready_above(job.priority);
  may_yield_ = has_rival && may_yield_ && executor.requeue_sharing(job, to_ == To::front);
  return may_yield_ ? std::noop_coroutine() : self;
}

bool YieldSharing::await_resume() const {
  if (!may_yield_) async::Strand::stop_sharing();
  return may_yield_;
}

bool has_large_memory_alone(Thread& self) {
  const AddressSpace& space = self.space();
  return !space.is_small() && self.process().has_one_thread() &&
         space.owners() == 1 + harts_that_own(space);  // no other process owns a reference
}

async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self) {
  AddressSpace& space = self.space();
  auto child = space.begin_fork();
  if (!child) co_return child;
  const hal::VirtAddr last = space.user_range().end();
  for (hal::VirtAddr at = space.user_range().begin();;) {
    const hal::VirtAddr end = space.end_of_step(at, last);
    if (auto copied = space.copy_pages(**child, at, end); !copied) co_return fail(copied.error());
    if (end == last) co_return child;
    at = end;
    co_await sys::cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

async::Task<> discard_memory(Thread& self, hal::VirtAddr start, hal::VirtAddr end) {
  AddressSpace& space = self.space();
  while (start < end) {
    const hal::VirtAddr next = space.end_of_step(start, end);
    (void)space.discard(start, next - start);
    start = next;
    if (start < end) co_await sys::cond_resched(self);
  }
}

async::Task<> give_back_memory(Thread& self) {
  const hal::UserRange& range = self.space().user_range();
  return discard_memory(self, range.begin(), range.end());
}

}  // namespace kernel
