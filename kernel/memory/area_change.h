// A change of an address space that takes several steps, for example a fork of a large process.
//
//   const Ref<AreaChange> change = space.join_change();
//   const auto turn = co_await change->wait_for_turn();  // calls take turns, urgent ones first
//   AreaChange::Range range{*change, start};
//   for (…) { …; range.grow_to(end); co_await cond_resched(self); }
//
// Until the turn ends, no other call changes the areas. A page fault in `range` waits, too: the
// access happens after the change. All other faults and accesses happen before it. So a child
// process sees all that a thread wrote up to a moment, and nothing that it wrote later, although
// its memory is copied while the thread runs. There is one exception: the kernel itself writes
// without a wait to words of threads that end, to pages of shared priorities, to rings, and to
// pages into which a device has written (AddressSpace::WithoutWait). From then on the program may
// write to such a page, too, and the child does not see what it writes.
//
// The object exists while a call changes the space in steps, or waits. Use it only in the strand.
#pragma once

#include <async/mutex.h>
#include <hal/memory_map.h>
#include <kernel/ref.h>

#include <cstdint>

namespace kernel::memory {

/// Why an access of a system call may have to wait.
enum MissCause : std::uint8_t {
  needs_page_ins = 1,  ///< an area has been mapped whose pages need page-ins
  areas_change = 2,    ///< a change in steps may hold faults back
};

class AreaChange : public RefCounted<AreaChange> {
 public:
  using Turn = async::Mutex::Guard;

  /// `place` must be null. While the object exists, `place` points to it, and `causes` contains
  /// areas_change.
  AreaChange(AreaChange*& place, std::uint8_t& causes) : place_{place}, causes_{causes} {
    place_ = this;
    causes_ |= areas_change;
  }
  ~AreaChange() {
    place_ = nullptr;
    causes_ &= ~areas_change;
  }

  /// co_await it. The turn is empty if the job was cancelled. Release it before the reference.
  async::Mutex::LockOp wait_for_turn() { return mutex_.lock_or_cancel("memory change"); }
  /// Whether the running job has its turn.
  bool is_own() const { return mutex_.owner() == &async::current_job(); }
  /// Whether a fault at `va` must wait.
  bool holds_back(hal::VirtAddr va) const { return va >= start_ && va < end_; }

  /// The range in which faults wait. It begins at `start`, is empty at first, and grows.
  class [[nodiscard]] Range {
   public:
    Range(AreaChange& change, hal::VirtAddr start) : change_{change} {
      change_.start_ = change_.end_ = start;
    }
    Range(const Range&) = delete;
    ~Range() { grow_to(change_.start_); }
    void grow_to(hal::VirtAddr end) { change_.end_ = end; }

   private:
    AreaChange& change_;
  };

 private:
  AreaChange*& place_;
  std::uint8_t& causes_;
  async::Mutex mutex_;
  hal::VirtAddr start_ = 0, end_ = 0;
};

}  // namespace kernel::memory
