// Deadlock: jobs that wait for each other in a circle, each for one that alone can end its wait:
// who holds a mutex, or the job whose end is awaited. It is looked for when a wait for a mutex
// begins, where somebody wants to be told; the last to come closes the circle.
#pragma once

#include "async/job.h"

namespace async {

/// Who alone can end its wait; null: nobody in particular, or it does not wait. In the strand.
const Job* awaited(const Job& job) noexcept;

/// Calls visit(context, job) for each of the circle that `job` waits in, itself first; false: it
/// waits in none. In the strand.
bool visit_circle(const Job& job, void (*visit)(void* context, const Job& job),
                  void* context) noexcept;

/// Is told of the job whose wait has closed a circle. In the strand; it wakes nobody.
using DeadlockHook = void (*)(const Job& job);
/// Null, as it is at first: nothing is looked for.
void set_deadlock_hook(DeadlockHook hook) noexcept;

/// `job` has begun to wait for a mutex.
void look_for_deadlock(const Job& job) noexcept;

}  // namespace async
