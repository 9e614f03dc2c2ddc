// Rings: a program writes many system calls into memory that it shares with the kernel, and reads
// their results there. The shape is that of Linux's io_uring; the layout differs. A thread has one
// ring at most, and the program allocates its memory.
//
//      memory ─▶ ┌────────────┐ 64 bytes
//                │ RingHeader │            program                    kernel
//                ├────────────┤           ─────────                  ────────
//                │ completions│           cq_head ──▶ reads          cq_tail ──▶ writes
//                │   16 bytes │
//                │    each    │
//                ├────────────┤
//                │ submissions│           sq_tail ──▶ writes         sq_head ──▶ takes
//                │   64 bytes │
//                │    each    │
//                └────────────┘
//
// Heads and tails only grow, modulo 2^32; entry i is at index i modulo the number of entries. Each
// side writes its index with release order, after the entries before it. The other side reads that
// index with acquire order, before the entries.
//
//   ring_set_up(memory, submissions, completions, flags)
//     Creates the calling thread's ring. `memory` is a multiple of 64. `submissions` and
//     `completions` are numbers of entries, and powers of two. `submissions` is at most
//     most_submissions; `completions` is from `submissions` to most_completions. The kernel
//     initialises the header. EINVAL; EBUSY: the thread has a ring; EFAULT: not ring_bytes() of
//     writable memory; ENOMEM.
//   ring_enter(submit, complete, flags)
//     Takes up to `submit` submissions, then waits until `complete` completions are unread, or
//     until all submissions have completed. `flags` is 0. Returns the number of submissions taken:
//     fewer than `submit` if there are no more, or if their completions might not have room. ENXIO:
//     the thread has no ring. EINVAL: an index is out of its range. EFAULT: the memory is not
//     mapped.
//   ring_close()
//     Cancels all requests in flight, waits for their end, and frees the ring. execve and the end
//     of the thread do the same. ENXIO.
//
// The kernel acts only on values that it has read into memory of its own. A program that changes a
// submission before the kernel takes it can break only its own chains. The kernel keeps its own
// copies of the indices that it writes. It takes a submission only if there is room for its
// completion, and reserves room for each request in flight. So no completion is lost, and no unread
// one is overwritten. Only a program that moves cq_head back can leave completions without room;
// the kernel drops them and counts them in `overflowed`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

struct RingHeader {
  std::uint32_t sq_head = 0;     // kernel's
  std::uint32_t sq_tail = 0;     // program's
  std::uint32_t cq_head = 0;     // program's
  std::uint32_t cq_tail = 0;     // kernel's
  std::uint32_t flags = 0;       // kernel's: ring_needs_wakeup
  std::uint32_t overflowed = 0;  // kernel's: completions that it dropped
  std::uint32_t reserved[10]{};
};

// Flags of ring_set_up. Submission polling: a coroutine of the kernel takes submissions without
// ring_enter. After a millisecond without any it sets ring_needs_wakeup in the header and sleeps. A
// program that moves sq_tail must then execute a sequentially consistent fence and test the flag.
// If it is set, the program calls ring_enter, which also takes all submissions.
inline constexpr std::uint32_t ring_sqpoll = 1;
// In RingHeader::flags.
inline constexpr std::uint32_t ring_needs_wakeup = 1;

enum class RingOperation : std::uint8_t {
  nop = 0,
  // The system calls of these names. fd: the file; address: of the buffer; length: its bytes;
  // offset: the file offset, or ring_current_place.
  read = 1,
  write = 2,
  // ppoll without a timeout. address: an array of `length` PollFds.
  poll = 3,
  // Completes with 0 when the time has come: `offset` nanoseconds after the operation begins or,
  // with ring_absolute in options, at this time of CLOCK_MONOTONIC.
  timeout = 4,
  // FUTEX_WAIT_BITSET. address; offset: the expected value; length: the bits (0: all); options: 0
  // or futex_private_flag.
  futex_wait = 5,
  // FUTEX_WAKE. address; length: the most waiters to wake; options as above.
  futex_wake = 6,
  // fd: the directory, address: the path, options: the flags, length: the mode.
  openat = 7,
  close = 8,  // fd
  // wait4. fd: the child or -1; address: of its status, or 0; options. Result: the child.
  wait_child = 9,
  // Cancels the oldest request in flight whose user_data is `address`; with ring_cancel_all in
  // options, all such requests. A request that still waits completes with ECANCELED. Result: the
  // number of requests; ENOENT for none.
  cancel = 10,
  // Follows a submission with ring_link, and limits the time of that submission. `offset` and
  // `options` give the limit as for `timeout`. At the limit, that submission completes with
  // ECANCELED. Result: ETIME; ECANCELED if the limit was not reached.
  link_timeout = 11,
};

inline constexpr std::uint64_t ring_current_place = ~std::uint64_t{0};
inline constexpr std::uint32_t ring_absolute = 1;
inline constexpr std::uint32_t ring_cancel_all = 1;

// RingSubmission::flags
//
// The next submission starts when this one has fully succeeded. If this one fails or is partial
// (fewer bytes than requested), the rest of the chain completes with ECANCELED. A chain must be
// submitted by one ring_enter or, with submission polling, by one store to sq_tail. Submissions
// that are not linked may complete in any order.
inline constexpr std::uint8_t ring_link = 1;
// Multishot `read`: reads repeatedly and fills the buffer in pieces of `options` bytes. Each
// successful read completes with ring_more and the number of its piece. The last completion is
// without ring_more: after the last piece, at the end of the file, on an error, or if a further
// completion might not have room. Cannot be linked.
inline constexpr std::uint8_t ring_multishot = 2;

struct RingSubmission {
  RingOperation operation = RingOperation::nop;
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
  std::int32_t fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint32_t options = 0;
  std::uint64_t user_data = 0;  // copied to the completion
  std::uint64_t unused[3];      // ignored
};

struct RingCompletion {
  std::uint64_t user_data = 0;
  std::int32_t result = 0;  // as the system call's: −errno for errors
  std::uint32_t flags = 0;
};

// RingCompletion::flags. ring_more: the same submission will complete again. The bits from
// ring_piece_shift up are the number of the piece.
inline constexpr std::uint32_t ring_more = 1;
inline constexpr unsigned ring_piece_shift = 16;

inline constexpr std::uint32_t most_submissions = 1024;
inline constexpr std::uint32_t most_completions = 65'536;

constexpr std::size_t ring_completions_at = sizeof(RingHeader);
constexpr std::size_t ring_submissions_at(std::uint32_t completions) {
  // Aligned, so that no entry crosses a page boundary.
  constexpr std::size_t alignment = sizeof(RingSubmission);
  const std::size_t end = ring_completions_at + completions * sizeof(RingCompletion);
  return (end + alignment - 1) / alignment * alignment;
}
constexpr std::size_t ring_bytes(std::uint32_t submissions, std::uint32_t completions) {
  return ring_submissions_at(completions) + submissions * sizeof(RingSubmission);
}

static_assert(sizeof(RingHeader) == 64 && sizeof(RingSubmission) == 64);
static_assert(sizeof(RingCompletion) == 16);

}  // namespace abi
