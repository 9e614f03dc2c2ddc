// Rings: system calls that a program writes down, many at a time, and whose results it reads, in
// memory that it shares with the kernel. In the shape of Linux's io_uring, but with a layout of its
// own. A thread has one ring at most; its memory is the program's own, wherever it likes.
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
// Heads and tails only grow, modulo 2^32; entry i is at i modulo the number of entries. Who writes
// an index does so after the entries that it gives away (release), and the other side reads it
// before them (acquire).
//
//   ring_set_up(memory, submissions, completions, flags)
//     Makes the calling thread's ring. `memory` is a multiple of 64, the numbers are powers of two,
//     1 … most_submissions and at least as many … most_completions. The kernel writes the header
//     anew. EINVAL, EBUSY: it has one, EFAULT: not ring_bytes() that can be written, ENOMEM.
//   ring_enter(submit, complete, flags)
//     Takes up to `submit` submissions, then waits until `complete` completions are there to be
//     read, or all that have been submitted are complete. `flags` is 0. How many were taken; fewer
//     where there are no more, or where their completions might not have room. ENXIO: there is no
//     ring. EINVAL: an index lies outside its ring. EFAULT: the memory is not there any more.
//   ring_close()
//     Cancels everything, and returns when nothing is left of it. So do execve and the thread's
//     end. ENXIO.
//
// The kernel copies a submission once, before it looks at it, and keeps its own copies of the
// indices that it writes. A submission is only taken where there is room for its completion, with
// one kept free for each that is under way: nothing that is complete is lost, and nothing unread is
// overwritten. Only a program that moves cq_head back can make completions find no room; they are
// dropped, and counted in `overflowed`.
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
  std::uint32_t overflowed = 0;  // kernel's: completions that found no room
  std::uint32_t reserved[10]{};
};

// Flags of ring_set_up. A coroutine of the kernel takes submissions by itself. While there are none
// for a millisecond it sleeps, and says so in the header: whoever has moved sq_tail and then
// (after a sequentially consistent fence) sees the flag makes the call ring_enter, which also takes
// all that are there.
inline constexpr std::uint32_t ring_picked_up = 1;
// In RingHeader::flags.
inline constexpr std::uint32_t ring_needs_wakeup = 1;

enum class RingOperation : std::uint8_t {
  nop = 0,
  // As the system calls of these names. fd, address, length (bytes); offset: the place in the file,
  // or ring_current_place.
  read = 1,
  write = 2,
  // ppoll without a timeout: address is of `length` PollFds.
  poll = 3,
  // Complete with 0 when the time has come: `offset` nanoseconds from when it is begun, or, with
  // ring_absolute in options, on CLOCK_MONOTONIC.
  timeout = 4,
  // FUTEX_WAIT_BITSET: address, offset: the value expected, length: the bits (0: all).
  // futex_private_flag in options.
  futex_wait = 5,
  // FUTEX_WAKE: address, length: how many at most. Options as above.
  futex_wake = 6,
  // fd: the directory, address: the path, options: the flags, length: the mode.
  openat = 7,
  close = 8,  // fd
  // wait4: fd: the child or -1, address: of its status (or 0), options. Result: the child.
  wait_child = 9,
  // Cancels what is under way with the user_data that is in `address`, the oldest one, or with
  // ring_cancel_all in options all of them: they complete with ECANCELED if they still wait.
  // Result: how many; ENOENT for none.
  cancel = 10,
  // After one with ring_link: ends that one's wait (with ECANCELED) when the time has come, told as
  // for `timeout`. Result: ETIME, or ECANCELED where it came to nothing.
  link_timeout = 11,
};

inline constexpr std::uint64_t ring_current_place = ~std::uint64_t{0};
inline constexpr std::uint32_t ring_absolute = 1;
inline constexpr std::uint32_t ring_cancel_all = 1;

// RingSubmission::flags
//
// The next submission of the same ring_enter (of what is picked up: of the same look, so that one
// store to sq_tail gives away a chain) is begun when this one is complete and has done all it
// was to do. If it has not (a negative result, or fewer bytes than asked for), the rest of the
// chain completes with ECANCELED. Submissions that are not linked may end in any order.
inline constexpr std::uint8_t ring_link = 1;
// `read` again and again: the buffer is filled piece by piece, of `options` bytes each, and each
// read that brings something completes with ring_more and the number of its piece. The last
// completion is without ring_more: after the last piece, at the end of the file, on an error, or
// where another completion might not have room. Cannot be linked.
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
  std::uint64_t user_data = 0;  // comes back with the completion
  std::uint64_t unused[3];      // whatever is there
};

struct RingCompletion {
  std::uint64_t user_data = 0;
  std::int32_t result = 0;  // as the system call's: -errno
  std::uint32_t flags = 0;
};

// RingCompletion::flags: of the same submission there will be another one. Above ring_piece_shift
// is the number of the piece that was read.
inline constexpr std::uint32_t ring_more = 1;
inline constexpr unsigned ring_piece_shift = 16;

inline constexpr std::uint32_t most_submissions = 1024;
inline constexpr std::uint32_t most_completions = 4096;

constexpr std::size_t ring_completions_at = sizeof(RingHeader);
constexpr std::size_t ring_submissions_at(std::uint32_t completions) {
  // Whole ones do not cross pages.
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
