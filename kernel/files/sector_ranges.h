// Who is writing which sectors of a disk. A write that changes only a part of a sector has to read
// it first, and what others write to that sector meanwhile would be undone: so such a write
// (a *modifying* one) and any other that touches its sectors come one after the other, in the order
// in which they asked. Writes of whole sectors are not in each other's way.
//
//   SectorRanges::Claim claim{ranges, first, end, modifies};
//   while (claim.has_to_wait()) {
//     if (co_await ranges.changes().wait("sectors") != async::WaitResult::woken) co_return …;
//   }
//   …                                         // until the claim goes out of scope
//
// Task context.
#pragma once

#include <async/wait_list.h>
#include <kernel/list.h>

#include <cstdint>

namespace kernel {

class SectorRanges {
 public:
  /// Sectors [first, end) are being written, or will be when its turn has come.
  class Claim : public ListNode<> {
   public:
    Claim(SectorRanges& ranges, std::uint64_t first, std::uint64_t end, bool modifies)
        : ranges_{ranges}, first_{first}, end_{end}, modifies_{modifies} {
      ranges_.claims_.push_back(*this);
      if (modifies_) ++ranges_.modifying_;
    }
    ~Claim() {
      ranges_.claims_.remove(*this);
      if (modifies_) --ranges_.modifying_;
      ranges_.changes_.wake_all();
    }

    /// Whether somebody who asked before is still in the way.
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
  List<Claim> claims_;  // in the order in which they asked
  unsigned modifying_ = 0;
  async::WaitList changes_;
};

}  // namespace kernel
