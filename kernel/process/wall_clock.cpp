#include "process/wall_clock.h"

#include <async/strand.h>

#include "base/machine_facts.h"

namespace kernel {
namespace {

constinit List<FollowsWallClock, FollowsWallClock> followers;
async::WaitList changes;

}  // namespace

void FollowsWallClock::follow_clock(bool follows) {
  if (follows == follows_) return;
  async::Strand::check_access();
  follows_ = follows;
  follows ? followers.push_back(*this) : followers.remove(*this);
}

void set_wall_clock(async::Duration at_boot) {
  async::Strand::check_access();
  const async::Duration ahead = at_boot - wall_clock_at_boot();
  set_wall_clock_at_boot(at_boot);
  for (FollowsWallClock& follower : followers) follower.on_clock_set(ahead);
  changes.wake_all();
}

async::WaitList& wall_clock_changes() {
  return changes;
}

}  // namespace kernel
