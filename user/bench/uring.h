// A ring of io_uring for benchmarks. It works on Linux, too.
#pragma once

#include <abi/io_uring.h>
#include <user/calls.h>
#include <user/files.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bench {

/// A ring of io_uring, with the program's side of its memory.
class Uring {
  using Sqe = abi::uring::Sqe;
  using Cqe = abi::uring::Cqe;

 public:
  explicit Uring(unsigned entries) {
    abi::uring::Params params{};
    const auto fd = user::call<int>(user::Call::io_uring_setup, entries, &params);
    if (!fd) return;
    fd_ = *fd;
    const std::size_t sqe_bytes = params.sq_entries * sizeof(Sqe);
    bytes_ = std::max(params.cq_off.cqes + params.cq_entries * sizeof(Cqe),
                      params.sq_off.array + params.sq_entries * sizeof(std::uint32_t));
    constexpr int access = abi::prot_read | abi::prot_write;
    const auto ring = user::map_file(fd_, bytes_, access, abi::uring::off_sq_ring, abi::map_shared);
    const auto sqes = user::map_file(fd_, sqe_bytes, access, abi::uring::off_sqes, abi::map_shared);
    if (!ring || !sqes) return;
    ring_ = *ring;
    sqe_bytes_ = sqe_bytes;
    sqes_ = reinterpret_cast<Sqe*>(*sqes);
    cqes_ = reinterpret_cast<Cqe*>(ring_ + params.cq_off.cqes);
    sq_tail_ = word(params.sq_off.tail);
    cq_head_ = word(params.cq_off.head);
    cq_tail_ = word(params.cq_off.tail);
    sq_mask_ = params.sq_entries - 1;
    cq_mask_ = params.cq_entries - 1;
    for (unsigned i = 0; i < params.sq_entries; ++i) word(params.sq_off.array)[i] = i;
  }
  ~Uring() {
    if (ring_ != nullptr) {
      static_cast<void>(user::unmap_memory(sqes_, sqe_bytes_));
      static_cast<void>(user::unmap_memory(ring_, bytes_));
    }
    if (fd_ >= 0) static_cast<void>(user::close(user::Fd{fd_}));
  }
  Uring(const Uring&) = delete;
  explicit operator bool() const { return ring_ != nullptr; }

  void add(const Sqe& sqe) { sqes_[tail_++ & sq_mask_] = sqe; }
  void add_nop(std::uint64_t user_data) { add({.user_data = user_data}); }
  /// Submits the next `count` submissions, and waits for as many completions. Returns the kernel's
  /// answer.
  long enter(unsigned count) {
    std::atomic_ref{*sq_tail_}.store(tail_, std::memory_order_release);
    return user::syscall(user::Call::io_uring_enter, fd_, count, count, abi::uring::enter_getevents,
                         0, 0);
  }
  /// Takes all completions; returns the sum of their user data.
  std::uint64_t take() {
    const std::uint32_t end = std::atomic_ref{*cq_tail_}.load(std::memory_order_acquire);
    std::uint64_t sum = 0;
    for (; head_ != end; ++head_) sum += cqes_[head_ & cq_mask_].user_data;
    std::atomic_ref{*cq_head_}.store(head_, std::memory_order_release);
    return sum;
  }

 private:
  std::uint32_t* word(std::uint32_t offset) {
    return reinterpret_cast<std::uint32_t*>(ring_ + offset);
  }

  int fd_ = -1;
  std::size_t bytes_ = 0, sqe_bytes_ = 0;
  std::byte* ring_ = nullptr;
  Sqe* sqes_ = nullptr;
  Cqe* cqes_ = nullptr;
  std::uint32_t *sq_tail_ = nullptr, *cq_head_ = nullptr, *cq_tail_ = nullptr;
  std::uint32_t sq_mask_ = 0, cq_mask_ = 0, tail_ = 0, head_ = 0;
};

}  // namespace bench
