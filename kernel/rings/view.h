// A ring's memory (abi/ring.h) as the kernel sees it. The pages belong to the program: it may
// change their contents at any time, and may have unmapped them since the last access.
#pragma once

#include <abi/ring.h>

#include <atomic>
#include <cstddef>
#include <span>

#include "memory/address_space.h"
#include "memory/read_once.h"

namespace kernel {

/// Where a ring is in its program's memory, and its size. No entry crosses a page boundary.
struct RingShape {
  RingShape(hal::VirtAddr memory, std::uint32_t submissions, std::uint32_t completions)
      : memory{memory},
        end{memory + abi::ring_bytes(submissions, completions)},
        submissions{submissions},
        completions{completions} {}

  hal::VirtAddr memory;
  hal::VirtAddr end;          ///< of the memory
  std::uint32_t submissions;  ///< both numbers of entries are powers of two
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
  /// The number of bytes from `at` to the start of the ring: 0 inside the ring, the largest number
  /// behind the ring.
  std::size_t bytes_before(hal::VirtAddr at) const {
    if (at >= end) return ~std::size_t{0};
    return at < memory ? memory - at : 0;
  }
};

/// Faults in all pages of the ring for writing, so that none is shared with a child's copy. Errors:
/// those of AddressSpace::fault_in().
inline Result<> make_pages(memory::AddressSpace& space, const RingShape& shape) {
  for (hal::VirtAddr at = shape.memory; at < shape.end; at = hal::page_down(at) + hal::page_size) {
    if (const auto there = space.fault_in(at, hal::Access::write); !there) {
      return fail(there.error());
    }
  }
  return {};
}

/// A view of the ring for one step: the pointers and spans are valid until the caller's next await.
/// All pages are faulted in for writing, so that none is shared with a child's copy.
class RingView {
 public:
  using Submissions = std::span<const abi::RingSubmission>;
  using Completions = std::span<abi::RingCompletion>;

  RingView(memory::AddressSpace& space, const RingShape& shape) : space_{space}, shape_{shape} {}

  /// Null if the page is not mapped.
  abi::RingHeader* header() {
    return reinterpret_cast<abi::RingHeader*>(find(header_, shape_.memory));
  }
  // At most `most` entries from `index` on, `most` not 0: those that are contiguous in one page.
  // Empty if the page is not mapped.
  Submissions submissions(std::uint32_t index, std::uint32_t most) {
    const auto side_by_side = std::min(most, shape_.submissions - shape_.submission_place(index));
    return run<const abi::RingSubmission>(submissions_, shape_.submission(index), side_by_side);
  }
  /// Whether the last call of submissions() or of completions() found its page missing.
  bool is_torn() const { return submissions_.is_missing() || completions_.is_missing(); }
  Completions completions(std::uint32_t index, std::uint32_t most) {
    const auto side_by_side = std::min(most, shape_.completions - shape_.completion_place(index));
    return run<abi::RingCompletion>(completions_, shape_.completion(index), side_by_side);
  }

 private:
  struct Page {
    hal::VirtAddr start = 1;  // no page yet
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

  // Not inlined, so that the compiler keeps a view in registers.
  [[gnu::noinline]] static std::byte* look_up(memory::AddressSpace& space, hal::VirtAddr page) {
    if (std::byte* const there = space.translate(page, hal::Access::write)) [[likely]]
      return there;
    // A completion cannot wait for a fork that has passed the page.
    const memory::AddressSpace::WithoutWait now{space};
    return space.fault_in(page, hal::Access::write).value_or(nullptr);
  }

  memory::AddressSpace& space_;
  const RingShape& shape_;
  Page header_, submissions_, completions_;
};

/// Reads an index that the program writes. The acquire pairs with the program's release: the
/// entries before the index are visible.
inline std::uint32_t read_index(std::uint32_t& shared) {
  return std::atomic_ref{shared}.load(std::memory_order_acquire);
}
/// Writes an index of the kernel. The release makes the entries before it visible to the program.
inline void write_index(std::uint32_t& shared, std::uint32_t value) {
  std::atomic_ref{shared}.store(value, std::memory_order_release);
}

// The program may write submissions at any time: each word is read once (memory/read_once.h).

/// Copies all fields that have a meaning.
[[gnu::always_inline]] inline abi::RingSubmission copy_submission(
    const abi::RingSubmission& shared) {
  constexpr std::size_t used = offsetof(abi::RingSubmission, unused) / sizeof(std::uint64_t);
  std::array<std::uint64_t, sizeof shared / sizeof(std::uint64_t)> words;
  const auto* const from = reinterpret_cast<const std::uint64_t*>(&shared);
  for (std::size_t i = 0; i < used; ++i) words[i] = read_once(from[i]);
  std::fill(words.begin() + used, words.end(), 0);
  return std::bit_cast<abi::RingSubmission>(words);
}

/// Whether the submission is a nop without flags. Then only its user_data has a meaning.
inline bool is_plain_nop(const abi::RingSubmission& shared) {
  static_assert(abi::RingOperation::nop == abi::RingOperation{0});
  static_assert(offsetof(abi::RingSubmission, flags) == 1);
  return read_once(*reinterpret_cast<const std::uint16_t*>(&shared)) == 0;
}

}  // namespace kernel
