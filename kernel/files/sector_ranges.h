// Locks for ranges of a disk's sectors. A write that changes only a part of a sector first reads
// the whole sector. Without a lock this write would undo other writes to the sector that complete
// after that read. Such a write is called modifying. It excludes all other writes to its sectors,
// in the order of the requests. Writes of whole sectors do not exclude each other.
//
//   SectorRanges::Claim claim{ranges, first, end, modifies};
//   while (claim.has_to_wait()) {
//     if (co_await ranges.changes().wait("sectors") != async::WaitResult::woken) co_return …;
//   }
//   …                                         // until the claim goes out of scope
//
// All functions run in the strand.
#pragma once

#include <async/wait_list.h>
#include <kernel/list.h>

#include <cstdint>

namespace kernel {

class SectorRanges {
 public:
  /// A write to the sectors [first, end). It may still have to wait.
  class Claim : public ListNode<> {
   public:
    Claim(SectorRanges& ranges, std::uint64_t first, std::uint64_t end, bool modifies)
        : ranges_{ranges}, first_{first}, end_{end}, modifies_{modifies} {
      async::Strand::check_access();
      ranges_.claims_.push_back(*this);
      if (modifies_) ++ranges_.modifying_;
    }
    ~Claim() {
      async::Strand::check_access();
      ranges_.claims_.remove(*this);
      if (modifies_) --ranges_.modifying_;
      ranges_.changes_.wake_all();
    }

    /// Whether an earlier claim excludes this one.
    bool has_to_wait() const {
      if (!modifies_ && ranges_.modifying_ == 0) return false;
      for (const Claim& before : ranges_.claims_) {
        if (&before == this) break;
        if (in_the_way(before)) return true;
      }
      return false;
    }

   private:
    bool in_the_way(const Claim& other) const {
      return (modifies_ || other.modifies_) && first_ < other.end_ && other.first_ < end_;
    }

    SectorRanges& ranges_;
    std::uint64_t first_;
    std::uint64_t end_;
    bool modifies_;
  };

  async::WaitList& changes() { return changes_; }

 private:
  List<Claim> claims_;  // in the order of the requests
  unsigned modifying_ = 0;
  async::WaitList changes_;
};

}  // namespace kernel
