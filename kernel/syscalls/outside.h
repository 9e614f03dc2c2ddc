// System calls while several harts run. A call whose handler may run while its hart shares the
// strand (async/strand.h) is in the table with Shared<handler>. Meanwhile the handler writes only
// what sharing code may write (docs/harts.md): the program's memory, data behind a LeafLock, and
// data of its process that no other hart can use. Where it matters, it asks Strand::is_shared().
// Changing does the same for the calls that change areas.
//
// If only the strand allows the rest, the handler returns would_block, as an answer or as an error,
// and has changed nothing. The kernel then makes the call again in the strand.
//
// The handlers of the most frequent calls are templates. With `shares` the handler answers the
// usual case, or leaves the same wait as without. For every other case it returns would_block. Only
// that of io_uring_enter enters the strand itself, for the rest of a call that has taken
// submissions.
#pragma once

#include <async/executor.h>
#include <async/strand.h>
#include <trap/answer.h>

#include "files/found_bytes.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"

namespace kernel::sys::outside {

/// Whether a caller that shares the strand, or is about to, may wake jobs. It may not if a trace
/// hook or a policy watches the jobs: then the executor has events.
inline bool may_wake_sharing() {
  return !async::current_executor().has_events();
}
/// Whether `self`, which shares the strand or is about to, may wait in steps that share it.
inline bool may_wait_sharing(const Thread& self) {
  return self.shared_priority() == 0 && may_wake_sharing();
}

/// The running step enters the strand, unless it is already there.
inline void enter_strand() {
  if (async::Strand::is_shared()) async::Strand::stop_sharing();
}

/// A scope in which the hart shares the strand if `shares`, else none. Handlers that do not ask
/// Strand::is_shared() have one instead of Shared.
template <bool shares>
class [[nodiscard]] SharingIf : public async::Strand::Sharing {};
template <>
class [[nodiscard]] SharingIf<false> {
 public:
  SharingIf() {}  // not trivial, so that an object without uses needs no attribute
};

/// Makes a call by its handler, while the thread shares the strand. If the handler leaves a wait,
/// the wait begins while the thread shares the strand.
template <auto handler>
struct Shared;
template <class Value, class... Arguments, Value (*handler)(Thread&, Arguments...)>
struct Shared<handler> {
  static Value answer(Thread& self, Arguments... arguments) {
    async::Strand::Sharing sharing;
    sharing.tell();
    Value answer = handler(self, arguments...);
    if constexpr (trap::may_wait<Value>) {
      if (answer.blocks() && self.has_left_wait()) [[unlikely]]
        sharing.keep();
    }
    return answer;
  }
};

/// Calls `handler`, which changes areas, while the hart shares the strand and no other thread
/// changes them. Returns would_block if `may(…)` is false, or without memory. In the strand the
/// call is made again, because only the strand can use the free memory of all harts.
template <auto handler, auto may>
struct Changing;
template <class Value, class... Arguments, Value (*handler)(Thread&, Arguments...), auto may>
struct Changing<handler, may> {
  static Value answer(Thread& self, Arguments... arguments);
};
template <class Value, class... Arguments, Value (*handler)(Thread&, Arguments...), auto may>
Value Changing<handler, may>::answer(Thread& self, Arguments... arguments) {
  async::Strand::Sharing sharing;
  const async::RwLeafLock::GuardIf lock{self.space().lock(), !self.owns_space()};
  if (self.space().is_changing()) [[unlikely]]
    return fail(Errno::would_block);
  bool may_change = false;
  [[clang::always_inline]] may_change = may(self, arguments...);
  if (!may_change) return fail(Errno::would_block);
  sharing.tell();
  Value answer = fail(Errno::would_block);
  [[clang::always_inline]] answer = handler(self, arguments...);
  return answer.is(Errno::enomem) ? Value{fail(Errno::would_block)} : answer;
}

/// The kernel's view of the byte at `address`, by the page table. Null: the page needs a fault.
std::byte* walk(Thread& self, std::uintptr_t address, hal::Access wanted);
/// The kernel's view of [address, address + bytes). Null: it does not lie in one page, or the page
/// needs a fault. Valid while the caller shares the strand.
inline std::byte* find_bytes(Thread& self, std::uintptr_t address, std::size_t bytes,
                             hal::Access wanted) {
  if (bytes - 1 >= hal::page_size - address % hal::page_size) return nullptr;
  std::byte* const there = self.space().tlb_lookup(address, wanted);
  return there != nullptr ? there : walk(self, address, wanted);
}

// Changes of private memory, without a file or with one in memory: whether Changing may make the
// call. If other threads or processes use the memory, a range of more than 64 pages needs the
// strand. Memory for instructions needs it, too.
bool may_move_break(Thread&, std::uintptr_t end);
bool may_map(Thread&, std::uintptr_t address, std::size_t length, int access, int flags, int fd,
             std::int64_t offset);
bool may_unmap(Thread&, std::uintptr_t address, std::size_t length);
bool may_protect(Thread&, std::uintptr_t address, std::size_t length, int access);
bool may_advise(Thread&, std::uintptr_t address, std::size_t length, int advice);
extern template struct Changing<brk, may_move_break>;
extern template struct Changing<mmap, may_map>;
extern template struct Changing<munmap, may_unmap>;
extern template struct Changing<mprotect, may_protect>;
extern template struct Changing<madvise, may_advise>;

}  // namespace kernel::sys::outside
