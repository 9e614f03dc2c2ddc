// The pages of an io_uring: the kernel allocates them, and the program maps them.
//
// The program may write all of them at any time. So the kernel reads each field once, and checks
// it. It keeps copies of the fields that it writes, and never reads those from the pages.
#pragma once

#include <abi/io_uring.h>
#include <kernel/result.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "memory/frames.h"
#include "memory/read_once.h"

namespace kernel::uring {

/// Frames of the kernel, filled with zeros at first. They need not be contiguous: each object of
/// the ring lies in one page.
class Pages {
 public:
  Pages() = default;
  Pages(const Pages&) = delete;
  ~Pages();

  /// Allocates frames for `bytes`. ENOMEM.
  Result<> make(std::size_t bytes);
  std::size_t count() const { return count_; }
  hal::PhysAddr frame(std::size_t index) const { return hal::virt_to_phys(pages_[index]); }
  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(pages_[offset / hal::page_size] + offset % hal::page_size);
  }

 private:
  std::unique_ptr<std::byte*[]> pages_;
  std::size_t count_ = 0;
};

/// The beginning of the first page. Each index has a cache line of its own.
struct Header {
  alignas(64) std::uint32_t sq_head;  // the kernel's
  alignas(64) std::uint32_t sq_tail;  // the program's
  alignas(64) std::uint32_t cq_head;  // the program's
  alignas(64) std::uint32_t cq_tail;  // the kernel's
  alignas(64) std::uint32_t sq_mask;  // from here on the kernel's
  std::uint32_t cq_mask;
  std::uint32_t sq_entries;
  std::uint32_t cq_entries;
  std::uint32_t sq_dropped;
  std::uint32_t sq_flags;
  std::uint32_t cq_flags;  // the program's
  std::uint32_t cq_overflow;
};
static_assert(sizeof(Header) == 320);

/// The sizes of a ring, and where its parts are: completions behind the header, then the array of
/// indices of submissions.
struct Shape {
  std::uint32_t flags;  ///< abi::uring::setup_…
  std::uint32_t sq_entries;
  std::uint32_t cq_entries;

  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  unsigned sqe_bytes() const { return has(abi::uring::setup_sqe128) ? 128 : 64; }
  unsigned cqe_bytes() const { return has(abi::uring::setup_cqe32) ? 32 : 16; }
  std::size_t cqes_at() const { return sizeof(Header); }
  std::size_t array_at() const { return cqes_at() + std::size_t{cq_entries} * cqe_bytes(); }
  std::size_t ring_bytes() const {
    const std::size_t indices = has(abi::uring::setup_no_sqarray) ? 0 : sq_entries;
    return array_at() + indices * sizeof(std::uint32_t);
  }
  std::size_t sqes_bytes() const { return std::size_t{sq_entries} * sqe_bytes(); }
};

}  // namespace kernel::uring
