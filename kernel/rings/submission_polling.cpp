// Submission polling: a coroutine takes submissions without a call of the program.
//
//     ┌─────────────────────────────────────────────────────────────────┐
//     ▼                                                                 │
//   takes submissions ─┬▶ some: lets other jobs run ────────────────────┤
//     ▲                ├▶ none: sleeps for `pause` ─────────────────────┘
//     │                └▶ none for the `idle_limit`th time, or an error:
//     │                   sets ring_needs_wakeup and takes submissions again;
//     │                   if there are none, sleeps until ring_enter wakes it
//     └────────────────── clears ring_needs_wakeup
#include "process/steps.h"
#include "process/thread.h"
#include "rings/ring.h"

namespace kernel {
namespace {

constexpr async::Duration pause = std::chrono::microseconds{20};
constexpr int idle_limit = 50;  // of `pause` each

}  // namespace

async::Task<> Ring::poll_submissions() {
  for (int idle = 0; !async::is_cancelled();) {
    const auto taken = take(abi::most_submissions);
    if (taken && taken->count > 0) {
      idle = 0;
      wake();
      co_await sys::cond_resched(thread_);
    } else if (taken && ++idle < idle_limit) {
      (void)co_await async::sleep_for(pause, "ring");
    } else {
      set_needs_wakeup(true);
      const auto missed = take(abi::most_submissions);
      if (missed && missed->count > 0) {
        wake();
      } else {
        (void)co_await awakened_.wait("ring");
      }
      set_needs_wakeup(false);
      idle = 0;
    }
  }
}

void Ring::set_needs_wakeup(bool asleep) {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return;
  write_index(header->flags, asleep ? abi::ring_needs_wakeup : 0);
  // Pairs with the program's fence. The program moves sq_tail, then reads the flag; the kernel sets
  // the flag, then reads sq_tail.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace kernel
