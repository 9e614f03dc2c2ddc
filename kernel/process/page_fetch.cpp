#include "process/page_fetch.h"

namespace kernel {

// Two who want the same page both read it: whose comes first is the page.
async::Task<Result<>> fetch_page(Ref<memory::AddressSpace> space, hal::VirtAddr va) {
  const auto wanted = space->page_to_fetch(va);
  if (!wanted) co_return Result<>{};
  auto frame = memory::Frame::allocate(memory::Use::user);
  if (!frame) co_return fail(Errno::enomem);
  if (const auto read = co_await wanted->source->read(wanted->index, frame.address()); !read) {
    co_return fail(read.error());
  }
  co_return space->put_fetched(*wanted, std::move(frame));
}

async::Task<Result<>> fetch_awaited_page(Ref<memory::AddressSpace> space) {
  const auto page = space->take_awaited_page();
  if (!page) co_return Result<>{};
  const auto fetched = co_await fetch_page(space, *page);
  if (!fetched && fetched.error() == Errno::eio) co_return fail(Errno::efault);
  co_return fetched;
}

}  // namespace kernel
