#include "process/steps.h"

#include "devices/interrupts.h"

namespace kernel {

sys::NextStep sys::cond_resched(Thread& self) {
  async::Strand::yield();
  take_interrupts();
  if (!self.is_current_job()) {
    async::current_executor().set_priority(async::current_job(), self.limit());
  } else if (timeslice_expired()) {
    self.set_cpu_bound(true);
  }
  return NextStep{self};
}

template <Yields kind>
std::coroutine_handle<> YieldSharing<kind>::await_suspend(std::coroutine_handle<> self) const {
  async::Job& job = async::current_job();
  job.set_leaf(self);
  async::Executor& executor = async::current_executor();
  if (may_yield_) [[likely]] {
    if constexpr (kind == Yields::hand_over) {
      if (const auto next = executor.hand_over_sharing(job)) [[likely]]
        return next;
    } else {
      // A thread with an inherited priority yields to fewer jobs than its level() says.
      const bool has_rival = kind == Yields::to_end || executor.has_ready_above(job.priority);
      if (has_rival && executor.requeue_sharing(job, kind == Yields::to_front))
        return std::noop_coroutine();
    }
  }
  async::Strand::stop_sharing();
  return async::current_job().leaf();
}
template class YieldSharing<Yields::hand_over>;
template class YieldSharing<Yields::to_end>;
template class YieldSharing<Yields::to_front>;

bool has_memory_alone(Thread& self) {
  const AddressSpace& space = self.space();
  return self.process().has_one_thread() &&
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
