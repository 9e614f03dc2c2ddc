// Page-ins: reading a page of a program from a disk (memory/memory_object.h), for an access of the
// program or for a system call. A call also fetches names and attributes here, which the servers of
// file systems have (files/fetched.h). An access also waits here for the end of a change of the
// space (memory/area_change.h). All of it runs in the strand.
//
// A signal does not interrupt the page-in of a system call, as on Linux, nor the fetch of a name.
// The signal refuses the next wait of the call (Thread::WithoutInterruption). So a call that need
// not wait after the page-in ends as if no signal had come. The end of the thread cuts a page-in
// short, or at least ends the call after it. In a ring's job, a cancellation or a time limit does
// the same.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include <coroutine>
#include <type_traits>
#include <utility>

#include "files/fetched.h"
#include "memory/address_space.h"
#include "process/thread.h"

namespace kernel {

/// Reads the page at `va` into memory and maps it. Does nothing if the page needs no page-in. If a
/// change holds back faults at `va`, waits for its end instead. EIO; ENOMEM.
async::Task<Result<>> page_in(Ref<memory::AddressSpace> space, hal::VirtAddr va);
/// Reads the page that an attempt of a system call of `self` has missed in `space`. The attempt can
/// then be made again. EFAULT: the page cannot be read; ENOMEM; EINTR: the page-in was cut short.
async::Task<Result<>> prepare_attempt(Thread& self, Ref<memory::AddressSpace> space);
/// The same in the thread's own space.
inline async::Task<Result<>> prepare_attempt(Thread& self) {
  return prepare_attempt(self, Ref<memory::AddressSpace>::share(self.space()));
}

/// Returns the result of `attempt()`. While that is would_block, reads the page that the attempt
/// has missed in `space`, and makes it again. The errors of prepare_attempt().
template <class Attempt>
async::Task<std::invoke_result_t<Attempt&>> with_page_ins(Thread& self,
                                                          Ref<memory::AddressSpace> space,
                                                          Attempt attempt) {
  for (;;) {
    auto result = attempt();
    if (!blocks(result)) co_return result;
    if (auto ready = co_await prepare_attempt(self, space); !ready) co_return fail(ready.error());
  }
}
/// The same in the thread's own space.
template <class Attempt>
async::Task<std::invoke_result_t<Attempt&>> with_page_ins(Thread& self, Attempt attempt) {
  return with_page_ins(self, Ref<memory::AddressSpace>::share(self.space()), std::move(attempt));
}
/// Calls `lacks_pages()`, and reads the page that it has missed in the thread's own space, until it
/// returns false. The errors of prepare_attempt().
template <class LacksPages>
async::Task<Result<>> page_in_while(Thread& self, LacksPages lacks_pages) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  while (lacks_pages()) {
    if (auto ready = co_await prepare_attempt(self, space); !ready) co_return ready;
  }
  co_return Result<>{};
}
/// Returns the result of `write()`, which writes what a call has taken and would otherwise lose,
/// for example a message. Calls `write()` again after each page-in. A cancellation does not cut the
/// page-in short.
template <class Write>
async::Task<std::invoke_result_t<Write&>> write_at_last(Thread& self, Write write) {
  const async::Shield whole;
  co_return co_await with_page_ins(self, write);
}
/// Awaits `wait`. After each page that it misses, lets it try again (trap/waiting_call.h). The
/// errors of `wait` and of prepare_attempt().
template <class Wait, class Value = decltype(std::declval<Wait&>().await_resume())>
async::Task<Value> await_with_page_ins(Thread& self, Wait& wait) {
  struct Again {
    Wait& wait;
    bool await_ready() const { return false; }
    auto await_suspend(std::coroutine_handle<> caller) { return wait.again(caller); }
    Value await_resume() { return wait.await_resume(); }
  };
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  Value result = co_await wait;
  while (blocks(result)) {
    if (auto ready = co_await prepare_attempt(self, space); !ready) co_return fail(ready.error());
    result = co_await Again{wait};
  }
  co_return result;
}

// A system call is made in up to three parts. `call()` calls its handler and is trivial to copy.
//
//   begin_call()             tries the call
//   co_await awaited_call()  if that would block: waits, or finds out that a page is missing
//   co_await finish_call()   if that would block: pages in, and goes on

/// Returns what `call()` returns. The handler leaves what the call waits for in `waiting`.
template <class Call>
trap::Register begin_call(Thread& self, trap::WaitingCall& waiting, const Call& call) {
  const trap::SyscallCaller::Elsewhere place{self, &waiting};
  return call();
}

/// Returns the wait of a call that has answered would_block. If its handler has left none, stores a
/// RepeatableCall in `waiting`.
template <class Call>
trap::WaitingCall& awaited_call(trap::WaitingCall& waiting, const Call& call) {
  if (waiting.empty()) [[unlikely]]
    waiting.fill([&] { return trap::RepeatableCall{call}; });
  return waiting;
}

/// Ends a system call that has missed a page: pages it in, fetches what the call lacks, and goes on
/// with what `waiting` holds, until there is a result. EFAULT or ENOMEM if a page cannot be read.
/// EINTR: the page-in was cut short.
async::Task<trap::Register> finish_call(Thread& self, trap::WaitingCall& waiting);

/// Makes a system call, and awaits what it waits for, until there is a result.
template <class Call>
async::Task<trap::Register> make_call(Thread& self, Call call) {
  trap::WaitingCall waiting;
  trap::Register result = begin_call(self, waiting, call);
  if (result == trap::would_block) result = co_await awaited_call(waiting, call);
  if (result == trap::would_block) result = co_await finish_call(self, awaited_call(waiting, call));
  co_return result;
}

}  // namespace kernel
