// Merging: reads or writes that are adjacent in the file and in memory become one transfer, so that
// the fixed cost of a transfer is paid once.
//
//   submissions    read 3, 64 bytes │ read 3, 64 bytes │ read 3, 64 bytes │ …
//                  ╰──────────── adjacent in file and memory ─────────────╯
//   the transfer   read 3, 192 bytes                    moves 100 bytes, for example
//   completions    64               │ 36               │ the third is submitted alone
#pragma once

#include <abi/ring.h>

#include <cstdint>
#include <span>

#include "rings/view.h"

namespace kernel {

/// The end of a read or write: the place in the file and in memory at which an adjacent one starts.
class TransferEnd {
 public:
  explicit TransferEnd(const abi::RingSubmission& entry)
      : kind_{kind_of(entry)},
        offset_step_{entry.offset == abi::ring_current_place ? 0 : ~std::uint64_t{0}},
        offset_{entry.offset},
        address_{entry.address} {
    advance(entry.length);
  }

  /// Whether `next` starts where the last one ends, with the same operation, flags and file.
  bool is_start_of(const abi::RingSubmission& next) const {
    return read_once(next.address) == address_ && kind_of(next) == kind_ &&
           read_once(next.offset) == offset_;
  }
  void advance(std::uint64_t length) {
    address_ += length;
    offset_ += length & offset_step_;
  }

 private:
  /// Operation, flags and file.
  static std::uint64_t kind_of(const abi::RingSubmission& entry) {
    return read_once(*reinterpret_cast<const std::uint64_t*>(&entry));
  }

  std::uint64_t kind_;
  std::uint64_t offset_step_;  // a mask: 0 if the file's own position is used, else all ones
  std::uint64_t offset_;
  std::uint64_t address_;
};

/// A submission that starts where the read or write `entry` ends.
inline abi::RingSubmission after(const abi::RingSubmission& entry) {
  abi::RingSubmission next = entry;
  next.address += entry.length;
  if (entry.offset != abi::ring_current_place) next.offset += entry.length;
  return next;
}

/// The most submissions of one transfer.
inline constexpr std::size_t most_merged = 128;

/// The submissions of one transfer. The lengths are the kernel's copy, because the program can
/// write into submissions and completions at any time.
struct MergedTransfer {
  std::span<const std::uint32_t> lengths;  ///< of each submission in bytes, in their order
  std::uint32_t bytes;                     ///< the sum of `lengths`

  std::uint32_t count() const { return static_cast<std::uint32_t>(lengths.size()); }
};

/// Merges the adjacent submissions at the start of `shared`, whose first one is `first`. Each of
/// them takes one of `slots` and one of `lengths`; together they transfer at most `most` bytes.
/// Writes the completions as if the transfer moved all bytes.
MergedTransfer merge(const abi::RingSubmission& first, RingView::Submissions shared,
                     RingView::Completions slots, std::size_t most,
                     std::span<std::uint32_t> lengths);

/// Corrects the completions after a transfer of only `moved` bytes. Returns how many are valid; the
/// last one may be partial.
std::uint32_t commit(const MergedTransfer& merged, RingView::Completions slots, std::size_t moved);

}  // namespace kernel
