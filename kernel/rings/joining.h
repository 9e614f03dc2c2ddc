// Reads and writes that go on where the one before them ends, in the file and in memory, are made
// as one: what a transfer costs beside its bytes is paid once.
//
//   submissions    read 3, 64 bytes │ read 3, 64 bytes │ read 3, 64 bytes │ …
//                  ╰──────── in the file and in memory side by side ──────╯
//   the transfer   read 3, 192 bytes                          moves 100, say
//   completions    64               │ 36               │ the third is made by itself
#pragma once

#include <abi/ring.h>

#include <cstdint>
#include <span>

#include "rings/view.h"

namespace kernel {

/// Where a read or write ends, and one that goes on there begins.
class TransferEnd {
 public:
  explicit TransferEnd(const abi::RingSubmission& entry)
      : kind_{kind_of(entry)},
        offset_step_{entry.offset == abi::ring_current_place ? 0 : ~std::uint64_t{0}},
        offset_{entry.offset},
        address_{entry.address} {
    advance(entry.length);
  }

  /// Whether `next` goes on from here.
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
  std::uint64_t offset_step_;  // a mask: the file's own place stays what it is
  std::uint64_t offset_;
  std::uint64_t address_;
};

/// Of the same kind as `entry`, which reads or writes: goes on where that one ends.
inline abi::RingSubmission after(const abi::RingSubmission& entry) {
  abi::RingSubmission next = entry;
  next.address += entry.length;
  if (entry.offset != abi::ring_current_place) next.offset += entry.length;
  return next;
}

/// The most submissions of one transfer.
inline constexpr std::size_t most_joined = 128;

/// The submissions of one transfer. The lengths are the kernel's copy, because the program can
/// write into submissions and completions at any time.
struct Joined {
  std::span<const std::uint32_t> lengths;  ///< one for each submission, the first one's first
  std::uint32_t bytes;                     ///< their sum

  std::uint32_t count() const { return static_cast<std::uint32_t>(lengths.size()); }
};

/// Joins `first` with those behind it in `shared`, which begins with it, while each goes on where
/// the one before it ends. Each has a slot and a place in `lengths`; together they have at most
/// `most` bytes. Writes each completion into its slot, as for a transfer that moves all bytes.
Joined join(const abi::RingSubmission& first, RingView::Submissions shared,
            RingView::Completions slots, std::size_t most, std::span<std::uint32_t> lengths);

/// After a transfer has moved `moved` bytes, fewer than were joined: returns how many completions
/// are valid. Corrects the result of the last of these, which may be partial.
std::uint32_t settle(const Joined& joined, RingView::Completions slots, std::size_t moved);

}  // namespace kernel
