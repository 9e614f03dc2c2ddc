// Slow paths of WaitList: keyed entries and observers, and wakes that meet them.
#include "async/wait_list.h"

#include "async/multi_wait.h"

namespace async {

void WaitTimer::fire(Timer& timer) noexcept {
  WaitTimer& self = static_cast<WaitTimer&>(timer);
  self.job_->complete(self.result_);
}

WaitList::~WaitList() {
  if (!empty()) platform::fail("a wait list was destroyed while a job waited in it");
}

bool WaitList::loses_wake() const noexcept {
  return condition_.is_true != nullptr && static_cast<Node*>(next)->kind == Kind::waiting &&
         inject(Fault::wake_lost) != 0;
}

bool waits_in_vain(const Job& job) noexcept {
  if constexpr (!platform::injects_faults) return false;
  const Node* const target = job.kind == Kind::waiting ? job.waits_for() : nullptr;
  return target != nullptr && target->kind == Kind::list &&
         static_cast<const WaitList*>(target)->should_be_empty();
}

inline void WaitList::take_out(Entry& entry) noexcept {
  entry.unlink();
  entry.reset();
  entry.list = nullptr;
}

inline void WaitList::notify(Observer& observer) noexcept {
  take_out(observer);
  Watcher& watcher = *observer.watcher;
  watcher.notify_(watcher);
}

bool WaitList::wake(Node& node, WaitResult result) noexcept {
  if (node.kind == Kind::waiting) return complete(static_cast<Job&>(node), result);
  if (node.kind == Kind::observer) {
    notify(static_cast<Observer&>(node));
    return false;
  }
  auto& entry = static_cast<Entry&>(node);
  take_out(entry);
  return complete(*entry.job, result);  // false: the wait has ended already
}

bool WaitList::wake_first_slowly(WaitResult result) noexcept {
  while (!empty()) {
    if (wake(static_cast<Node&>(*next), result)) return true;
  }
  return false;
}

void WaitList::pass_wake_to_first() noexcept {
  platform::InterruptGuard masked;
  for (Link* link = next; link != this;) {
    Node& node = static_cast<Node&>(*link);
    link = link->next;
    if (node.kind != Kind::observer && wake(node, WaitResult::woken)) return;
  }
}

bool WaitList::notify_observer_sharing(Job*& woken) noexcept {
  Node& first = static_cast<Node&>(*next);
  if (first.kind != Kind::observer || first.next != this) return false;
  auto& entry = static_cast<Observer&>(first);
  Watcher& watcher = *entry.watcher;
  if (watcher.notify_sharing_ == nullptr || !watcher.notify_sharing_(watcher, woken)) return false;
  entry.unlink();
  entry.reset();
  entry.list = nullptr;
  return true;
}

// Usually only one job waits or observes, and the list is empty after the first wake.
std::size_t WaitList::wake_everybody(WaitResult result) noexcept {
  Node& first = static_cast<Node&>(*next);
  if (first.kind == Kind::observer) {
    platform::InterruptGuard masked;
    notify(static_cast<Observer&>(first));
    if (empty()) [[likely]]
      return 0;
  }
  const std::size_t woken = wake_one(result) ? 1 : 0;
  if (empty()) [[likely]]
    return woken;
  return woken + wake_more(result);
}

std::size_t WaitList::wake_more(WaitResult result) noexcept {
  std::size_t woken = 0;
  while (!empty() && wake_one(result)) ++woken;
  return woken;
}

void WaitList::adopt(KeyedEntry& entry, std::uintptr_t key) noexcept {
  entry.unlink();
  const ListLock::Guard guard(lock_);
  entry.key.value = key;
  entry.job->prepare(this, entry.job->reason());
  entry.list = this;
  insert(entry);
}

void WaitList::reorder(Job& job) noexcept {
  const ListLock::Guard guard(lock_);
  if (!job.alone()) {
    job.unlink();
    insert(job);
    return;
  }
  for (Link* link = next; link != this; link = link->next) {
    Node& node = static_cast<Node&>(*link);
    if (node.kind != Kind::keyed || static_cast<Entry&>(node).job != &job) continue;
    node.unlink();
    node.priority = job.priority;
    insert(node);
    return;
  }
}

// ── in worlds with parallel jobs ─────────────────────────────────────────────────────────────────

// The entry's wait ends only in the strand. So no other hart ends it meanwhile, and the list still
// exists.

void Entry::leave_list() noexcept {
  const Strand::Guard strand;
  WaitList* const left = list;
  if (left == nullptr) return;
  const ListLock::Guard guard(left->lock());
  list = nullptr;
  unlink();
}

}  // namespace async
