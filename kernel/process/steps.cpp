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

namespace {

/// Copies the pages of `space` to `child`. The caller has its turn.
async::Task<Result<>> copy_pages(Thread& self, memory::AreaChange& change, AddressSpace& child,
                                 Result<bool> (*own_rings)(Process&)) {
  AddressSpace& space = self.space();
  const hal::VirtAddr last = space.user_range().end();
  memory::AreaChange::Range range{change, space.user_range().begin()};
  bool has_rings = true;  // a ring that begins later waits for the change
  for (hal::VirtAddr at = space.user_range().begin();;) {
    const hal::VirtAddr end = space.end_of_step(at, last);
    if (auto copied = space.copy_pages(child, at, end); !copied) co_return copied;
    if (has_rings) {
      const AddressSpace::WithoutWait now{space};
      const auto owned = own_rings(self.process());
      if (!owned) co_return fail(owned.error());
      has_rings = *owned;
    }
    if (end == last) co_return Result<>{};
    range.grow_to(end);
    at = end;
    co_await sys::cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

async::Task<> discard_all(Thread& self, AddressSpace& space) {
  return discard_memory(self, space, space.user_range().begin(), space.user_range().end());
}

}  // namespace

async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self,
                                                   Result<bool> (*own_rings)(Process&)) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  auto child = self.space().begin_fork();
  if (!child) co_return child;
  auto copied = co_await copy_pages(self, *change, **child, own_rings);
  if (copied) co_return child;
  co_await discard_all(self, **child);
  co_return fail(copied.error());
}

async::Task<> discard_memory(Thread& self, AddressSpace& space, hal::VirtAddr start,
                             hal::VirtAddr end) {
  while (start < end) {
    const hal::VirtAddr next = space.end_of_step(start, end);
    (void)space.discard(start, next - start);
    start = next;
    if (start < end) co_await sys::cond_resched(self);
  }
}

async::Task<> give_back_memory(Thread& self) {
  return discard_all(self, self.space());
}

}  // namespace kernel
