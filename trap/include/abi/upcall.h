// Upcalls: what happens to a program in the midst of one of its coroutines goes to the program's
// own scheduler, on another stack. A page that has to be waited for stops the coroutine that
// touched it, and no other one; a notification interrupts it.
//
//      a coroutine
//           │ page fault      its registers are kept, and somebody sees to the page: another hart,
//           │                 if one is free
//           ├───────────────▶ entry(context, for_fault), on the stack that the header names:
//           ┆                 the program's scheduler goes on with other coroutines
//           ┆                 the page is there: a completion in the ring, user_data + context
//           │ ◀────────────── upcall_resume(context, …)
//           ▼ where it was, on its own stack
//
// For a thread that has a ring (abi/ring.h), and with it they end.
//
//   upcall_set_up(header, entry, contexts, user_data)
//     From now on the thread takes upcalls. The header lies at a multiple of 64; so many contexts,
//     1 … most_contexts, can be kept at once. ENXIO: there is no ring; EBUSY: it takes them
//     already; EINVAL, EFAULT, ENOMEM.
//   upcall_resume(context, open, keep)
//     Goes on with a context that is kept; `open` is what the header's word of that name becomes.
//     Open, it is told at once what has come and is not masked.
//     If `keep` is not 0, the caller's own is kept in its place, and goes on with a result of 0
//     when that is resumed; otherwise the caller is no more. EINVAL: nothing is kept there, or its
//     page is still on its way; EFAULT: the header is not there; ENXIO.
//   notify(thread, bits)
//     Tells a thread of any program. Bits that it has not taken yet are one with these. ESRCH;
//     ENXIO: it takes no upcalls.
//   notify_when(file, bits)
//     Tells the caller whenever the device that `file` is raises its interrupt, from within the
//     interrupt; 0 bits: not any more. ENODEV: the file is no device that does so; EBUSY: two
//     others tell it already; ENXIO, EBADF.
//
// A fault is one that waits for a page of a file that the program has mapped itself: for the disk,
// or for memory. (What scheduler and coroutines are made of is other memory. So whatever the
// scheduler does, it is never left in the midst of that.)
//
// An upcall needs a stack and an open program. Without them a fault stops the thread, as it would
// without upcalls, and a notification is only in the header: whoever opens the program looks there.
#pragma once

#include <abi/numbers.h>

#include <cstdint>

namespace abi {

struct alignas(64) UpcallHeader {
  // The program's. Where the next upcall's stack begins (its highest address); the kernel makes it
  // 0 when it takes it. 0: no upcall.
  std::uint64_t stack = 0;
  // Not 0: what runs may be left where it is. The kernel makes it 0 in an upcall.
  std::uint32_t open = 0;
  std::uint32_t reserved = 0;
  // Notifications that are not to be told now: they wait in `pending`.
  std::uint64_t masked = 0;
  // Both's: notifications that have come. The kernel sets bits, the program takes them
  // (atomically).
  std::uint64_t pending = 0;
  // The kernel's: how many notifications have come, and how many upcalls were made for them.
  std::uint64_t sent = 0;
  std::uint64_t told = 0;
  std::uint64_t unused[2]{};
};
static_assert(sizeof(UpcallHeader) == 64);

inline constexpr unsigned most_contexts = 64;

// The second argument of an upcall's entry.
enum class Upcall : std::uint64_t {
  for_fault = 0,         // the context waits for a page, and is in the ring's completions when it
                         // can be resumed: result 0, in flags the hart that has seen to it
  for_notification = 1,  // the context can be resumed at once
};

inline constexpr Call upcall_set_up{first_own_call + 7};
inline constexpr Call upcall_resume{first_own_call + 8};
inline constexpr Call notify{first_own_call + 9};
inline constexpr Call notify_when{first_own_call + 10};

}  // namespace abi
