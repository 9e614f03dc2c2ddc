// Upcalls: the kernel passes page faults, exceptions and notifications to the program's own
// scheduler, on another stack. A page-in stops only the coroutine that touched the page, and a
// notification interrupts the running coroutine.
//
//      a coroutine
//           │ page fault      the kernel saves its registers; a fault worker provides the page, on
//           │                 one of the header's fault_harts
//           ├───────────────▶ entry(context, for_fault), on the stack that the header names:
//           ┆                 the program's scheduler runs other coroutines
//           ┆                 after the page-in: a completion in the ring, user_data + context
//           │ ◀────────────── upcall_resume(context, …)
//           ▼ at the same instruction, on its own stack
//
//      a coroutine
//           │ exception       the kernel saves its registers, as above
//           ├───────────────▶ entry(context, for_exception): the program asks for the exception,
//           ▼                 then resumes the context, drops it, or dies. If the header has an
//                             attempt_stack, the kernel does not save the context, and continues
//                             the program on that stack.
//
// Only a thread with a ring (abi/ring.h) can take upcalls. They end with the ring.
//
//   upcall_set_up(header, entry, contexts, user_data)
//     Enables upcalls for the thread. The header's address is a multiple of 64. `contexts`: the
//     most contexts saved at a time, 1 … most_contexts. ENXIO: the thread has no ring; EBUSY:
//     upcalls are enabled already; EINVAL, EFAULT, ENOMEM.
//   upcall_resume(context, open)
//     Resumes a saved context, and frees it. `open` is written into the header. If it allows
//     notifications, pending ones that are not masked make an upcall at once. So do completions
//     that the program has not read, if `open` takes completions. The caller's own registers are
//     lost. If the context still waits for its page, its instruction faults again at once; without
//     upcalls_take_pages in `open`, the thread then waits for the page. This context makes no
//     completion. EINVAL: no such context is saved; EFAULT: the header is not mapped; ENXIO.
//   upcall_resume_of(thread, context, open)
//     Like upcall_resume, for a context of another thread of the process: the caller takes it over.
//     It gets all registers of the context but the thread pointer, which stays the caller's. ESRCH:
//     the process has no such thread; EINVAL: no such context is saved, or it waits for its page;
//     ENXIO: one of the two threads takes no upcalls; EFAULT.
//   upcall_exception(context, &exception)
//     Returns the exception that stopped a context which can be resumed; for no_context, the last
//     exception whose context was not saved. EINVAL: there is none; EFAULT, ENXIO.
//   upcall_drop(context)
//     Frees a context that could be resumed. EINVAL, ENXIO.
//   upcall_die(context)
//     Ends the program with the context's exception, as if it took no upcalls. EINVAL, ENXIO.
//   notify(thread, bits)
//     Posts notification bits to a thread of any program. Bits that are still pending merge with
//     these. 0 bits: an upcall for_notification at the end of the call, if the thread is the caller
//     and its header allows one; otherwise nothing. ESRCH; ENXIO: the thread takes no upcalls.
//   notify_when(file, bits)
//     Posts `bits` to the caller at each interrupt of the device `file`, in the interrupt handler;
//     0 bits: stops that. ENODEV: the file has no interrupt; EBUSY: two other devices notify the
//     caller already; ENXIO, EBADF.
//
// A page fault makes an upcall for_fault if the kernel must first read the page, or find memory for
// it, and either
// - the program has mapped the page's file itself. It keeps its scheduler in other memory, so no
//   upcall of this kind interrupts the scheduler;
// - or `open` has upcalls_take_completions: the program can then be interrupted at any instruction.
// All other faults that cannot be resolved are exceptions. So is a page fault whose page-in fails.
//
// The completion of a submission in flight makes an upcall for_notification if `open` has
// upcalls_open and upcalls_take_completions, and the thread does not wait for its ring. A program
// that sets this bit other than by upcall_resume must then look for completions that came before.
//
// An upcall needs a stack in the header and a free context, and its kind must be set in `open`.
// Otherwise a page fault stops the thread, and an exception ends the program, as without upcalls. A
// notification is then only pending in the header: a program that sets `open` must check for it.
// Notifications are lost while the header is not writable.
#pragma once

#include <abi/numbers.h>
#include <abi/signal.h>

#include <cstdint>

namespace abi {

struct alignas(64) UpcallHeader {
  // Written by the program: the top of the stack for the next upcall; 0: no upcall can be made. The
  // kernel sets it to 0 when it makes an upcall on this stack.
  std::uint64_t stack = 0;
  // upcalls_…: the kinds of upcalls that are allowed. The kernel sets it to 0 at each upcall.
  std::uint32_t open = 0;
  std::uint32_t reserved = 0;
  // Masked notifications: they stay in `pending`.
  std::uint64_t masked = 0;
  // Written by both sides: pending notifications. The kernel sets bits, and the program clears
  // them; both with atomic operations.
  std::uint64_t pending = 0;
  // Written by the kernel: the number of notify calls and interrupts, and of upcalls made for them.
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  // Written by the program: the top of the stack for an exception whose context is not saved, or 0
  // for none.
  std::uint64_t attempt_stack = 0;
  // Written by the program: the harts that may serve its page faults for_fault, a bit for each.
  // If none of them exists: all harts.
  std::uint64_t fault_harts = 0;
};
static_assert(sizeof(UpcallHeader) == 64);

inline constexpr std::uint32_t upcalls_open = 1;  // notifications
inline constexpr std::uint32_t upcalls_take_exceptions = 2;
inline constexpr std::uint32_t upcalls_take_pages = 4;
inline constexpr std::uint32_t upcalls_take_completions = 8;

inline constexpr unsigned most_contexts = 64;
inline constexpr std::uint64_t no_context = ~std::uint64_t{0};

struct UpcallException {
  Signal signal{};  // the signal that would end the program
  std::uint32_t reserved = 0;
  std::uint64_t address = 0;  // the trap value; for page faults the faulting address
  std::uint64_t pc = 0;       // the context's program counter
};
static_assert(sizeof(UpcallException) == 24);

// The second argument of an upcall's entry.
enum class Upcall : std::uint64_t {
  // The context waits for a page-in. When it can be resumed, the ring has a completion. `flags` is
  // the number of the hart that read the page. A `result` other than 0 is the signal of an
  // exception.
  for_fault = 0,
  for_notification = 1,  // the context can be resumed at once
  // An exception stopped the context, which can be resumed at once. It is no_context if the header
  // has an attempt_stack: then the kernel has saved no context.
  for_exception = 2,
};

inline constexpr Call upcall_set_up{first_private_call + 7};
inline constexpr Call upcall_resume{first_private_call + 8};
inline constexpr Call notify{first_private_call + 9};
inline constexpr Call notify_when{first_private_call + 10};
inline constexpr Call upcall_exception{first_private_call + 12};
inline constexpr Call upcall_drop{first_private_call + 13};
inline constexpr Call upcall_die{first_private_call + 14};
inline constexpr Call upcall_resume_of{first_private_call + 17};

}  // namespace abi
