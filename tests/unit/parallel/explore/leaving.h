// The strand in the middle of a step: leaving it, entering it again, and sharing it. The platform
// checks that no two steps are in it, and that no hart shares it meanwhile.
#pragma once

#include "scenario.h"

namespace parallel_test {

/// The running step leaves the strand, as a thread does that runs its program.
inline void leave() {
  async::platform::leave_strand_step();
  async::Strand::leave();
}
inline void enter() {
  async::Strand::enter();
  async::platform::enter_strand_step();
}

/// Shares the strand until the end of the scope, or of the step.
class Sharing {
 public:
  Sharing() { async::platform::begin_sharing(); }
  ~Sharing() {
    if (!kept_) async::platform::end_sharing();
  }
  void keep() {
    kept_ = true;
    sharing_.keep();
  }

 private:
  async::Strand::Sharing sharing_;
  bool kept_ = false;
};

/// A part of a step in the strand that shares it.
template <class Use>
void share_part(Use use) {
  async::platform::leave_strand_step();
  {
    const async::Strand::SharedPart part{true};
    async::platform::begin_sharing();
    use();
    async::platform::end_sharing();
  }
  async::platform::enter_strand_step();
}

inline void stop_sharing() {
  async::platform::end_sharing();
  async::Strand::stop_sharing();
  async::platform::enter_strand_step();
}

/// Shares the strand once in each of `times` steps.
inline Task<> just_share(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    leave();
    {
      const Sharing sharing;
      linger();
    }
    enter();
    co_await async::yield();
  }
}

}  // namespace parallel_test
