// Page-ins: reading a page of a program from a disk (memory/page_source.h), for an access of the
// program or for a system call. All of it runs in the strand.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include "memory/address_space.h"

namespace kernel {

/// Reads the page at `va` into memory and maps it. Does nothing if the page needs no page-in. EIO;
/// ENOMEM.
async::Task<Result<>> page_in(Ref<memory::AddressSpace> space, hal::VirtAddr va);
/// Reads the page that a system call in `space` missed last. EFAULT: the page cannot be read;
/// ENOMEM.
async::Task<Result<>> page_in_missed(Ref<memory::AddressSpace> space);

/// Retries a system call that answered would_block because it needs a page-in, until it answers
/// something else. `now()` calls its fast handler. `wait()` calls its blocking handler, for a call
/// that has to wait for something besides pages, and returns what to await. EFAULT or ENOMEM if a
/// page cannot be read. EINTR: cancelled.
template <class Now, class Wait>
async::Task<trap::Register> restart_syscall(memory::AddressSpace& space, Now now, Wait wait) {
  const auto shared = Ref<memory::AddressSpace>::share(space);
  for (;;) {
    const auto page = shared->missed_page();
    const auto paged_in = co_await page_in_missed(shared);
    if (async::is_cancelled()) co_return trap::ToRegister<Result<>>::encode(fail(Errno::eintr));
    trap::Register answer = now();
    if (answer == trap::would_block && !shared->has_missed_page()) answer = co_await wait();
    if (answer != trap::would_block) co_return answer;
    if (!paged_in && shared->missed_page() == page) {
      static_cast<void>(shared->take_missed_page());
      co_return trap::ToRegister<Result<>>::encode(paged_in);
    }
  }
}

}  // namespace kernel
