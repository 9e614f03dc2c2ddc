// Pages of programs that have to be fetched from a disk (memory/page_source.h): for a program's own
// access, and for system calls that have come upon one. In the strand.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include "memory/address_space.h"

namespace kernel {

/// Until the page at `va` is there, or whoever wants it can find out why not. EIO; ENOMEM.
async::Task<Result<>> fetch_page(Ref<memory::AddressSpace> space, hal::VirtAddr va);
/// The same for the page that somebody in `space` has asked for last. EFAULT: it cannot be read;
/// ENOMEM.
async::Task<Result<>> fetch_awaited_page(Ref<memory::AddressSpace> space);

/// A call has answered must_wait because it has come upon such a page. It is made again until it
/// answers something else: first by `now()`, and where that has to wait for anything else by
/// `wait()`, which is to be awaited. EFAULT or ENOMEM if it comes upon one that cannot be had.
template <class Now, class Wait>
async::Task<trap::Register> call_again(memory::AddressSpace& space, Now now, Wait wait) {
  const auto shared = Ref<memory::AddressSpace>::share(space);
  for (;;) {
    const auto page = shared->awaited_page();
    const auto fetched = co_await fetch_awaited_page(shared);
    if (async::is_cancelled()) co_return trap::ToRegister<Result<>>::encode(fail(Errno::eintr));
    trap::Register answer = now();
    if (answer == trap::must_wait && !shared->awaits_page()) answer = co_await wait();
    if (answer != trap::must_wait) co_return answer;
    if (!fetched && shared->awaited_page() == page) {
      static_cast<void>(shared->take_awaited_page());
      co_return trap::ToRegister<Result<>>::encode(fetched);
    }
  }
}

}  // namespace kernel
