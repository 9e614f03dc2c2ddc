// A job whose harts change, for several scenarios.
#pragma once

#include "scenario.h"

namespace parallel_test {

struct Moved {
  async::Job* job = nullptr;
  unsigned late = 0;  // steps on a wrong hart since the change
};

/// At most one step may still run on the wrong hart after the change: it had begun, or was about to
/// begin.
inline void check_place(Moved& moved) {
  const bool may = moved.job->may_run_on(async::platform::hart());
  check(may || ++moved.late == 1, "it runs where it may not");
}

inline void set_harts(Moved& moved, async::HartMask harts) {
  async::current_executor().set_harts(*moved.job, harts);
  moved.late = 0;
}

}  // namespace parallel_test
