#include "process/page_in.h"

#include <optional>

namespace kernel {

// Two jobs that need the same page both read it. The first one to finish provides the page.
async::Task<Result<>> page_in(Ref<memory::AddressSpace> space, hal::VirtAddr va) {
  if (space->is_held_back(va)) {  // waits for the change, and for more urgent ones that wait
    const auto change = space->join_change();
    (void)co_await change->wait_for_turn();
    co_return Result<>{};
  }
  const auto wanted = space->page_to_read(va);
  if (!wanted) co_return Result<>{};
  auto frame = co_await wanted->source->read(wanted->index);
  if (!frame) co_return fail(frame.error());
  co_return space->put_page_in(*wanted, std::move(*frame));
}

namespace {

/// Reads the page that a system call in `space` missed last. EFAULT: the page cannot be read;
/// ENOMEM.
async::Task<Result<>> page_in_missed(Ref<memory::AddressSpace> space) {
  const auto page = space->take_missed_page();
  if (!page) co_return Result<>{};
  const auto paged_in = co_await page_in(space, *page);
  if (!paged_in && paged_in.error() == Errno::eio) co_return fail(Errno::efault);
  co_return paged_in;
}

}  // namespace

async::Task<Result<>> prepare_attempt(Thread& self, Ref<memory::AddressSpace> space) {
  const Thread::WithoutInterruption page_in{self};
  auto read = co_await page_in_missed(space);
  if (async::current_job().refuses_to_wait()) co_return fail(Errno::eintr);
  co_return read;
}

async::Task<trap::Register> finish_call(Thread& self, trap::WaitingCall& waiting) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  std::optional<trap::RepeatableCall> call;
  Fetched fetched;
  trap::Register result = trap::would_block;
  while (result == trap::would_block) {
    const auto page = space->missed_page();
    Result<> paged_in;
    {
      const Thread::WithoutInterruption page_in{self};
      if (fetched.lacks_something()) {
        co_await fetched.fetch();
      } else {
        paged_in = co_await page_in_missed(space);
      }
      if (async::current_job().refuses_to_wait()) {
        result = trap::encode_error(Errno::eintr);
        // A ring's transfer that has moved bytes returns their number.
        if (self.is_ending() || waiting.holds<trap::RepeatableCall>()) break;
        const trap::Register partial = co_await waiting;
        if (partial != trap::would_block) result = partial;
        break;
      }
    }
    if (waiting.holds<trap::RepeatableCall>()) {
      call = waiting.take<trap::RepeatableCall>();
      Fetched::set_of_attempt(&fetched);
      result = begin_call(self, waiting, *call);
      Fetched::set_of_attempt(nullptr);
    }
    if (result == trap::would_block && !waiting.empty()) result = co_await waiting;
    if (result != trap::would_block) break;
    if (waiting.empty()) awaited_call(waiting, *call);
    if (!fetched.lacks_something() && !paged_in && space->missed_page() == page) {
      static_cast<void>(space->take_missed_page());
      result = trap::ToRegister<Result<>>::encode(paged_in);
    }
  }
  waiting.clear();
  co_return result;
}

}  // namespace kernel
