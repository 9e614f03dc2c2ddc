// Page-ins: reading a page of a program from a disk (memory/memory_object.h), for an access of the
// program or for a system call. A call also fetches names and attributes here, which the servers of
// file systems have (files/fetched.h). An access also waits here for the end of a change of the
// space (memory/area_change.h). All of it runs in the strand.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include <type_traits>

#include "files/fetched.h"
#include "memory/address_space.h"
#include "process/thread.h"

namespace kernel {

/// Reads the page at `va` into memory and maps it. Does nothing if the page needs no page-in. If a
/// change holds back faults at `va`, waits for its end instead. EIO; ENOMEM.
async::Task<Result<>> page_in(Ref<memory::AddressSpace> space, hal::VirtAddr va);
/// Reads the page that a system call in `space` missed last. EFAULT: the page cannot be read;
/// ENOMEM.
async::Task<Result<>> page_in_missed(Ref<memory::AddressSpace> space);

/// Returns the result of `attempt()`. While that is would_block, reads the page that the attempt
/// has missed, and makes it again. The errors of page_in_missed(); EINTR: cancelled.
template <class Attempt>
async::Task<std::invoke_result_t<Attempt&>> with_page_ins(Ref<memory::AddressSpace> space,
                                                          Attempt attempt) {
  for (;;) {
    auto result = attempt();
    if (!blocks(result)) co_return result;
    if (auto read = co_await page_in_missed(space); !read) co_return fail(read.error());
    if (async::current_job().is_stopped()) co_return fail(Errno::eintr);
  }
}

/// Returns what `answer()`, which calls a handler, returns. The handler leaves what the call waits
/// for in `waiting`.
template <class Answer>
trap::Register answer_into(Thread& self, trap::WaitingCall& waiting, Answer answer) {
  const trap::SyscallCaller::Elsewhere place{self, &waiting};
  return answer();
}

/// Makes a system call in a coroutine, until it has a result: pages in what the call misses,
/// fetches what it lacks, awaits what it waits for, and makes it again. `answer()` calls its
/// handler, which may have missed a page before. EFAULT or ENOMEM if a page cannot be read. EINTR:
/// cancelled.
template <class Answer>
async::Task<trap::Register> make_syscall(Thread& self, Answer answer) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  trap::WaitingCall waiting;
  Fetched fetched;
  for (;;) {
    const auto page = space->missed_page();
    const auto paged_in = co_await page_in_missed(space);
    if (async::is_cancelled()) co_return trap::encode_error(Errno::eintr);
    Fetched::set_of_attempt(&fetched);
    trap::Register result = answer_into(self, waiting, answer);
    Fetched::set_of_attempt(nullptr);
    if (!waiting.empty()) result = co_await waiting;
    if (result != trap::would_block) co_return result;
    if (fetched.lacks_something()) {
      co_await fetched.fetch();
      continue;
    }
    if (!paged_in && space->missed_page() == page) {
      static_cast<void>(space->take_missed_page());
      co_return trap::ToRegister<Result<>>::encode(paged_in);
    }
  }
}

/// Returns the wait of a system call that would block: `waiting` as the handler has filled it, or a
/// page-in and a restart of the call. If the awaited result is would_block, the wait has missed a
/// page: call this function again. `answer()` calls the handler.
template <class Answer>
trap::WaitingCall& awaited_call(Thread& self, trap::WaitingCall& waiting, Answer answer) {
  if (waiting.empty()) [[unlikely]]
    waiting.fill([&self, answer] { return make_syscall(self, answer); });
  return waiting;
}

}  // namespace kernel
