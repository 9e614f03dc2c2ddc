// What depends on the wall clock, and learns when a program sets it: timers that expire at a time
// of the wall clock. Linux has them in a queue of that clock, which moves with it.
//
// All of it is in the strand.
#pragma once

#include <async/time.h>
#include <async/wait_list.h>
#include <kernel/list.h>

namespace kernel {

/// An object that learns of each change of the wall clock while it is in the list.
class FollowsWallClock : public ListNode<FollowsWallClock> {
 public:
  /// The clock shows `ahead` more than before, which may be negative. Must not change the list.
  virtual void on_clock_set(async::Duration ahead) = 0;

 protected:
  FollowsWallClock() = default;
  ~FollowsWallClock() { follow_clock(false); }
  /// Puts the object into the list, or takes it out.
  void follow_clock(bool follows);

 private:
  bool follows_ = false;
};

/// Sets the time since 1970 at which the machine started, and tells all that depend on it.
void set_wall_clock(async::Duration at_boot);

/// Woken by set_wall_clock(): for sleeps until a time of the wall clock.
async::WaitList& wall_clock_changes();

}  // namespace kernel
