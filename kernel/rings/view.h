// A ring's memory (abi/ring.h) as the kernel sees it: a program's pages, which may be anything, or
// gone, each time they are looked at.
#pragma once

#include <abi/ring.h>

#include <atomic>
#include <cstddef>
#include <span>

#include "memory/address_space.h"
#include "memory/read_once.h"

namespace kernel {

/// Where a ring is in its program. Its parts do not cross pages; what they contain is the program's
/// to write at any time.
struct RingShape {
  hal::VirtAddr memory;
  std::uint32_t submissions;  ///< powers of two
  std::uint32_t completions;

  std::uint32_t submission_place(std::uint32_t index) const { return index & (submissions - 1); }
  std::uint32_t completion_place(std::uint32_t index) const { return index & (completions - 1); }
  hal::VirtAddr submission(std::uint32_t index) const {
    return memory + abi::ring_submissions_at(completions) +
           submission_place(index) * sizeof(abi::RingSubmission);
  }
  hal::VirtAddr completion(std::uint32_t index) const {
    return memory + abi::ring_completions_at +
           completion_place(index) * sizeof(abi::RingCompletion);
  }
  std::size_t bytes() const { return abi::ring_bytes(submissions, completions); }
  /// How many bytes from `at` on are not the ring's.
  std::size_t bytes_before(hal::VirtAddr at) const {
    if (at >= memory + bytes()) return ~std::size_t{0};
    return at < memory ? memory - at : 0;
  }
};

/// Makes all its pages there, and the program's own. Errors are AddressSpace::fault_in's.
inline Result<> make_pages(memory::AddressSpace& space, const RingShape& shape) {
  const hal::VirtAddr end = shape.memory + shape.bytes();
  for (hal::VirtAddr at = shape.memory; at < end; at = hal::page_down(at) + hal::page_size) {
    if (const auto there = space.fault_in(at, hal::Access::write); !there) {
      return fail(there.error());
    }
  }
  return {};
}

/// For one step: what was found stays there until the caller awaits. All that is found can be
/// written, so that nothing of it is shared with a child's copy.
class RingView {
 public:
  using Submissions = std::span<const abi::RingSubmission>;
  using Completions = std::span<abi::RingCompletion>;

  RingView(memory::AddressSpace& space, const RingShape& shape) : space_{space}, shape_{shape} {}

  /// Null: it is not there any more.
  abi::RingHeader* header() {
    return reinterpret_cast<abi::RingHeader*>(find(header_, shape_.memory));
  }
  // From `index` on, at most `most` (not 0), those that lie side by side in a page. None: they are
  // not there any more.
  Submissions submissions(std::uint32_t index, std::uint32_t most) {
    const auto side_by_side = std::min(most, shape_.submissions - shape_.submission_place(index));
    return run<const abi::RingSubmission>(submissions_, shape_.submission(index), side_by_side);
  }
  /// Whether entries were not there that were asked for.
  bool is_torn() const { return submissions_.is_missing() || completions_.is_missing(); }
  Completions completions(std::uint32_t index, std::uint32_t most) {
    const auto side_by_side = std::min(most, shape_.completions - shape_.completion_place(index));
    return run<abi::RingCompletion>(completions_, shape_.completion(index), side_by_side);
  }

 private:
  struct Page {
    hal::VirtAddr start = 1;  // none
    std::byte* bytes = nullptr;
    bool is_missing() const { return start != 1 && bytes == nullptr; }
  };

  std::byte* find(Page& page, hal::VirtAddr at) {
    const hal::VirtAddr start = hal::page_down(at);
    if (start != page.start) {
      page.start = start;
      page.bytes =
          start == header_.start && &page != &header_ ? header_.bytes : look_up(space_, start);
    }
    return page.bytes == nullptr ? nullptr : page.bytes + (at - start);
  }

  template <class T>
  std::span<T> run(Page& page, hal::VirtAddr at, std::uint32_t most) {
    std::byte* const first = find(page, at);
    if (first == nullptr) [[unlikely]]
      return {};
    const std::size_t in_page = (hal::page_size - at % hal::page_size) / sizeof(T);
    return {reinterpret_cast<T*>(first), std::min<std::size_t>(most, in_page)};
  }

  // Of its own, so that a view is in registers.
  [[gnu::noinline]] static std::byte* look_up(memory::AddressSpace& space, hal::VirtAddr page) {
    if (std::byte* const there = space.translate(page, hal::Access::write)) [[likely]]
      return there;
    return space.fault_in(page, hal::Access::write).value_or(nullptr);
  }

  memory::AddressSpace& space_;
  const RingShape& shape_;
  Page header_, submissions_, completions_;
};

/// The other side's index, before the entries that it stands for.
inline std::uint32_t read_index(std::uint32_t& shared) {
  return std::atomic_ref{shared}.load(std::memory_order_acquire);
}
/// One of the kernel's own, after the entries that it gives away.
inline void write_index(std::uint32_t& shared, std::uint32_t value) {
  std::atomic_ref{shared}.store(value, std::memory_order_release);
}

// The program may write submissions at any time: each word is read once (memory/read_once.h).

/// All that means anything.
[[gnu::always_inline]] inline abi::RingSubmission copy_submission(
    const abi::RingSubmission& shared) {
  abi::RingSubmission copy;
  const auto* const from = reinterpret_cast<const std::uint64_t*>(&shared);
  for (std::size_t at = 0; at < offsetof(abi::RingSubmission, unused); at += sizeof *from) {
    const std::uint64_t word = read_once(from[at / sizeof word]);
    __builtin_memcpy(reinterpret_cast<std::byte*>(&copy) + at, &word, sizeof word);  // one store
  }
  return copy;
}

/// Whether it does nothing and has no flags: of such a one only its user_data is of interest.
inline bool is_plain_nop(const abi::RingSubmission& shared) {
  static_assert(abi::RingOperation::nop == abi::RingOperation{0});
  static_assert(offsetof(abi::RingSubmission, flags) == 1);
  return read_once(*reinterpret_cast<const std::uint16_t*>(&shared)) == 0;
}

}  // namespace kernel
