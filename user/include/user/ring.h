// A thread's ring (abi/ring.h, docs/rings.md): submits many system calls by one call to the kernel.
//
//   auto ring = must(user::Ring::make({.submissions = 64}), "a ring");
//   ring.add(user::read_at(fd, buffer, 0, 1));      // 1: the completion's user data
//   ring.add(user::read_at(fd, other, 4096, 2));
//   must(ring.enter(2), "reading");                 // submits both, and waits for both
//   while (const auto done = ring.take()) use(done->user_data, done->result);
//
// Only the thread that made the ring may use it. Buffers must stay valid until their completion.
#pragma once

#include <abi/flags.h>
#include <abi/ring.h>
#include <abi/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "user/calls.h"

namespace user {

struct RingOptions {
  std::uint32_t submissions = 64;
  std::uint32_t completions = 0;  // 0: twice the number of submissions
  std::uint32_t flags = 0;        // 0 or abi::ring_sqpoll (submission polling)
};

class Ring {
 public:
  // Both numbers must be powers of two (abi/ring.h has the limits). EBUSY: the thread has a ring
  // already; EINVAL; ENOMEM.
  static Result<Ring> make(const RingOptions& options = {});
  Ring(Ring&& other) noexcept { swap(other); }
  Ring& operator=(Ring&& other) noexcept {
    swap(other);
    return *this;
  }
  // Cancels the in-flight requests and waits for their end.
  ~Ring();

  // Appends a submission; returns false if the ring is full, and the caller must call enter()
  // first. With submission polling the kernel may begin the submission at once, and a chain as soon
  // as its last submission is added.
  bool add(const abi::RingSubmission& submission) {
    const std::uint32_t head = std::atomic_ref{header_->sq_head}.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_;
    if (tail - head == submissions_count_) [[unlikely]]
      return false;
    abi::RingSubmission& place = submissions_[tail & (submissions_count_ - 1)];
    std::memcpy(&place, &submission, offsetof(abi::RingSubmission, unused));
    tail_ = tail + 1;
    if (picked_up_ && (submission.flags & abi::ring_link) == 0) publish();
    return true;
  }

  // Submits all that was added, and waits until `completions` completions can be read. Returns the
  // number submitted. With submission polling it calls the kernel only if the kernel's poller
  // sleeps or if it must wait, and may return 0. EINVAL: an index in the header is invalid; EFAULT:
  // the ring is not mapped.
  Result<unsigned> enter(unsigned completions = 0);

  // The number of completions that can be read; take() removes the first.
  unsigned available() const {
    return std::atomic_ref{header_->cq_tail}.load(std::memory_order_acquire) - head_;
  }
  std::optional<abi::RingCompletion> take() {
    abi::RingHeader& header = *header_;
    const std::uint32_t head = head_;
    if (std::atomic_ref{header.cq_tail}.load(std::memory_order_acquire) == head) return {};
    const abi::RingCompletion completion = completions_[head & (completions_count_ - 1)];
    head_ = head + 1;
    std::atomic_ref{header.cq_head}.store(head_, std::memory_order_release);
    return completion;
  }
  // Waits for a completion and removes it. Empty: no request is in flight, or the call failed.
  std::optional<abi::RingCompletion> wait();

  // The shared memory, for tests that corrupt it.
  abi::RingHeader& header() { return *header_; }
  std::span<abi::RingSubmission> submissions() { return {submissions_, submissions_count_}; }
  std::size_t bytes() const { return abi::ring_bytes(submissions_count_, completions_count_); }

 private:
  Ring() = default;
  void publish() { std::atomic_ref{header_->sq_tail}.store(tail_, std::memory_order_release); }
  void swap(Ring& other) noexcept;

  abi::RingHeader* header_ = nullptr;
  abi::RingCompletion* completions_ = nullptr;
  abi::RingSubmission* submissions_ = nullptr;
  std::uint32_t submissions_count_ = 0;
  std::uint32_t completions_count_ = 0;
  std::uint32_t tail_ = 0;  // the program's tail of the submissions
  std::uint32_t head_ = 0;  // the program's head of the completions
  bool picked_up_ = false;
};

// Submissions. `data` becomes the user data of the completion.

inline abi::RingSubmission nop(std::uint64_t data) {
  return {.user_data = data};
}
inline abi::RingSubmission read_at(Fd fd, std::span<std::byte> buffer, std::uint64_t offset,
                                   std::uint64_t data) {
  return {.operation = abi::RingOperation::read,
          .fd = fd,
          .offset = offset,
          .address = reinterpret_cast<std::uintptr_t>(buffer.data()),
          .length = static_cast<std::uint32_t>(buffer.size()),
          .user_data = data};
}
inline abi::RingSubmission read_next(Fd fd, std::span<std::byte> buffer, std::uint64_t data) {
  return read_at(fd, buffer, abi::ring_current_place, data);
}
inline abi::RingSubmission write_at(Fd fd, std::span<const std::byte> bytes, std::uint64_t offset,
                                    std::uint64_t data) {
  return {.operation = abi::RingOperation::write,
          .fd = fd,
          .offset = offset,
          .address = reinterpret_cast<std::uintptr_t>(bytes.data()),
          .length = static_cast<std::uint32_t>(bytes.size()),
          .user_data = data};
}
inline abi::RingSubmission write_next(Fd fd, std::span<const std::byte> bytes, std::uint64_t data) {
  return write_at(fd, bytes, abi::ring_current_place, data);
}
inline abi::RingSubmission timeout(std::chrono::nanoseconds length, std::uint64_t data) {
  return {.operation = abi::RingOperation::timeout,
          .offset = static_cast<std::uint64_t>(length.count()),
          .user_data = data};
}
// A timeout for the previous submission, which must be linked().
inline abi::RingSubmission link_timeout(std::chrono::nanoseconds length, std::uint64_t data) {
  abi::RingSubmission limit = timeout(length, data);
  limit.operation = abi::RingOperation::link_timeout;
  return limit;
}
inline abi::RingSubmission cancel(std::uint64_t whom, std::uint64_t data,
                                  std::uint32_t options = 0) {
  return {.operation = abi::RingOperation::cancel,
          .address = whom,
          .options = options,
          .user_data = data};
}
// The memory to which poll_files() and open_file() point must stay valid until the completion.
inline abi::RingSubmission poll_files(std::span<abi::PollFd> fds, std::uint64_t data) {
  return {.operation = abi::RingOperation::poll,
          .address = reinterpret_cast<std::uintptr_t>(fds.data()),
          .length = static_cast<std::uint32_t>(fds.size()),
          .user_data = data};
}
inline abi::RingSubmission open_file(const char* path, int flags, unsigned mode,
                                     std::uint64_t data) {
  return {.operation = abi::RingOperation::openat,
          .fd = abi::at_fdcwd,
          .address = reinterpret_cast<std::uintptr_t>(path),
          .length = mode,
          .options = static_cast<std::uint32_t>(flags),
          .user_data = data};
}
inline abi::RingSubmission close_file(Fd fd, std::uint64_t data) {
  return {.operation = abi::RingOperation::close, .fd = fd, .user_data = data};
}
// Waits on `word` while it holds `expected`; a private futex (user/sync.h).
inline abi::RingSubmission wait_for_word(const std::atomic<std::uint32_t>& word,
                                         std::uint32_t expected, std::uint64_t data) {
  return {.operation = abi::RingOperation::futex_wait,
          .offset = expected,
          .address = reinterpret_cast<std::uintptr_t>(&word),
          .options = abi::futex_private_flag,
          .user_data = data};
}
inline abi::RingSubmission wake_waiters(const std::atomic<std::uint32_t>& word, std::uint32_t most,
                                        std::uint64_t data) {
  return {.operation = abi::RingOperation::futex_wake,
          .address = reinterpret_cast<std::uintptr_t>(&word),
          .length = most,
          .options = abi::futex_private_flag,
          .user_data = data};
}
// Waits for the end of a child (-1: any). The kernel writes `status` before the completion, whose
// result is the child's pid.
inline abi::RingSubmission wait_for_child(Pid child, int& status, std::uint64_t data) {
  return {.operation = abi::RingOperation::wait_child,
          .fd = child,
          .address = reinterpret_cast<std::uintptr_t>(&status),
          .user_data = data};
}
// Makes `read` multishot: a completion for each piece of at most `bytes` bytes, until the buffer is
// full.
inline abi::RingSubmission piecewise(abi::RingSubmission read, std::uint32_t bytes) {
  read.flags |= abi::ring_multishot;
  read.options = bytes;
  return read;
}
// Links the next submission: it begins when this one has succeeded in full. Otherwise the kernel
// does not carry out the rest of the chain.
inline abi::RingSubmission linked(abi::RingSubmission submission) {
  submission.flags |= abi::ring_link;
  return submission;
}

}  // namespace user
