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
//      a coroutine
//           │ exception       that nobody can mend: as above, with for_exception, and the program
//           ├───────────────▶ looks what it was. It may mend it itself, and go on with the context;
//           ▼                 or drop it, or die. Where the header has an attempt's stack, the
//                             context is not kept, and the program goes on there.
//
// For a thread that has a ring (abi/ring.h), and with it they end.
//
//   upcall_set_up(header, entry, contexts, user_data)
//     From now on the thread takes upcalls. The header lies at a multiple of 64; so many contexts,
//     1 … most_contexts, can be kept at once. ENXIO: there is no ring; EBUSY: it takes them
//     already; EINVAL, EFAULT, ENOMEM.
//   upcall_resume(context, open)
//     Goes on with a context that is kept; `open` is what the header's word of that name becomes.
//     Open, it is told at once what has come and is not masked. The caller's is no more. EINVAL:
//     nothing is kept there, or its page is still on its way; EFAULT: the header is not there;
//     ENXIO.
//   upcall_exception(context, &exception)
//     What has stopped a context that can be resumed; of no_context, the last one that was not
//     kept. EINVAL: nothing has, or nothing is kept there; EFAULT, ENXIO.
//   upcall_drop(context)
//     A context that can be resumed is not kept any more. EINVAL, ENXIO.
//   upcall_die(context)
//     The program dies of what has stopped the context, as if it took no upcalls. EINVAL, ENXIO.
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
// scheduler does, it is never left in the midst of that.) Every other one that cannot be served is
// an exception, and so is a fault whose page turns out not to be had.
//
// An upcall needs a stack, and that its kind is among those in `open`. Without these a fault stops
// the thread, and an exception ends the program, as they would without upcalls; a notification is
// only in the header: whoever opens the program looks there. One that comes while the header cannot
// be written is lost.
#pragma once

#include <abi/numbers.h>
#include <abi/signal.h>

#include <cstdint>

namespace abi {

struct alignas(64) UpcallHeader {
  // The program's. Where the next upcall's stack begins (its highest address); the kernel makes it
  // 0 when it takes it. 0: no upcall.
  std::uint64_t stack = 0;
  // upcalls_…: for what an upcall may be made. The kernel makes it 0 in each.
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
  // The program's. Not 0: where the stack begins for an exception that is not to be kept.
  std::uint64_t attempt_stack = 0;
  std::uint64_t unused = 0;
};
static_assert(sizeof(UpcallHeader) == 64);

inline constexpr std::uint32_t upcalls_open = 1;  // notifications
inline constexpr std::uint32_t upcalls_take_exceptions = 2;
inline constexpr std::uint32_t upcalls_take_pages = 4;

inline constexpr unsigned most_contexts = 64;
inline constexpr std::uint64_t no_context = ~std::uint64_t{0};

struct UpcallException {
  Signal signal{};  // that the program would have died of
  std::uint32_t reserved = 0;
  std::uint64_t address = 0;  // the machine's own word about it: for page faults the operand's
  std::uint64_t pc = 0;       // where the context is
};
static_assert(sizeof(UpcallException) == 24);

// The second argument of an upcall's entry.
enum class Upcall : std::uint64_t {
  for_fault = 0,         // the context waits for a page, and is in the ring's completions when it
                         // can be resumed: in flags the hart that has seen to it; result not 0:
                         // there is no such page, by that signal (if exceptions are taken)
  for_notification = 1,  // the context can be resumed at once
  for_exception = 2,     // likewise, but has an exception. no_context: it is not kept
};

inline constexpr Call upcall_set_up{first_private_call + 7};
inline constexpr Call upcall_resume{first_private_call + 8};
inline constexpr Call notify{first_private_call + 9};
inline constexpr Call notify_when{first_private_call + 10};
inline constexpr Call upcall_exception{first_private_call + 12};
inline constexpr Call upcall_drop{first_private_call + 13};
inline constexpr Call upcall_die{first_private_call + 14};

}  // namespace abi
