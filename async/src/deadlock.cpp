#include "async/deadlock.h"

#include "async/wait_list.h"

namespace async {
namespace {

constinit DeadlockHook deadlock_hook = nullptr;
/// The search ends after so many jobs. It gets so far if `job` waits for a circle that it is not
/// part of.
constexpr unsigned longest_circle = 1000;

}  // namespace

const Job* awaited(const Job& job) noexcept {
  const Node* const target = job.kind == Kind::waiting ? job.waits_for() : nullptr;
  if (target == nullptr || target == &job) return nullptr;
  switch (target->kind) {
    case Kind::list:
    case Kind::mutex: return static_cast<const WaitList*>(target)->owner();
    case Kind::ready:
    case Kind::waiting: return static_cast<const Job*>(target);
    default: return nullptr;
  }
}

bool visit_circle(const Job& job, void (*visit)(void* context, const Job& job),
                  void* context) noexcept {
  const Job* at = awaited(job);
  for (unsigned length = 0; at != nullptr && at != &job && length < longest_circle; ++length) {
    at = awaited(*at);
  }
  if (at != &job) return false;
  do {
    visit(context, *at);
    at = awaited(*at);
  } while (at != &job);
  return true;
}

void set_deadlock_hook(DeadlockHook hook) noexcept {
  deadlock_hook = hook;
}

void look_for_deadlock(const Job& job) noexcept {
  if (deadlock_hook == nullptr) return;
  if (visit_circle(job, [](void*, const Job&) {}, nullptr)) deadlock_hook(job);
}

}  // namespace async
