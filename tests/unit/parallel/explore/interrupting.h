// A device's interrupt that wakes an urgent job of hart 0, for several scenarios.
#pragma once

#include "meeting.h"

namespace parallel_test {

/// A job of hart 0 that an interrupt wakes; it is more urgent than the jobs that it preempts.
struct Interrupted : Parking {
  async::Job* urgent = nullptr;
};

inline Task<> run_urgently() {
  (void)co_await async::park("an interrupt");
}

/// The device calls `raised` as soon as the interrupt is pending.
inline void interrupt_once(
    Run& run, Interrupted& state, Task<> urgent, std::function<void()> raised = [] {}) {
  state.urgent = &run.spawn_preemptible(0, std::move(urgent), {.name = "urgent", .priority = 5});
  run.add_device("device", [&state, raised = std::move(raised)] {
    interrupt(0, [&state] { async::Executor::unpark(*state.urgent); });
    raised();
  });
}

}  // namespace parallel_test
