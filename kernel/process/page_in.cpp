#include "process/page_in.h"

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

async::Task<Result<>> page_in_missed(Ref<memory::AddressSpace> space) {
  const auto page = space->take_missed_page();
  if (!page) co_return Result<>{};
  const auto paged_in = co_await page_in(space, *page);
  if (!paged_in && paged_in.error() == Errno::eio) co_return fail(Errno::efault);
  co_return paged_in;
}

}  // namespace kernel
