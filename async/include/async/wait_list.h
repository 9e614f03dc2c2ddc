// WaitList: jobs that wait for something to happen, the most urgent first, first come first served
// among equals. Every other primitive is made of one. Waking makes jobs ready, it never runs them.
//
//   while (pipe.is_empty()) {                          pipe.put(bytes);
//     auto result = co_await readers.wait("pipe");     readers.wake_one();
//     if (result != WaitResult::woken) return …;
//   }
//
// There is no await between the check and the wait, so no wake is lost. A wake_one() that reached a
// job is used up even if the job is cancelled before it runs: its wait says `woken`.
// In the strand.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "async/executor.h"
#include "async/job.h"
#include "async/timer.h"

namespace async {

class WaitList;

/// What a keyed waiter waits for: two words whose meaning is the waker's.
struct Key {
  std::uintptr_t value = 0;
  std::uintptr_t bits = ~std::uintptr_t{0};
};

/// An entry for a job that needs more in the list than itself; lives in the waiting frame.
struct Entry : Node {
  Entry(Kind kind, std::uint8_t priority, Job* job) noexcept : Node(kind, priority), job(job) {
    reset();
  }
  Job* job;
};

struct KeyedEntry : Entry {
  KeyedEntry(Job* job, Key key) noexcept : Entry(Kind::keyed, job->priority, job), key(key) {}
  Key key;
};

/// A timeout of the wait around it: armed while the wait lasts.
class WaitTimer : public Timer {
 public:
  explicit WaitTimer(WaitResult result = WaitResult::timed_out) noexcept
      : Timer(&fire), job_(&current_job()), result_(result) {}
  ~WaitTimer() { Executor::disarm(*this); }
  void arm(Instant deadline) noexcept {
    if (deadline != never) current_executor().arm(*this, deadline);
  }

 private:
  static void fire(Timer& timer) noexcept;
  Job* job_;
  WaitResult result_;
};

/// The plain wait. It holds nothing: the job is named and queued already; await it where it is
/// made.
class [[nodiscard("co_await it")]] WaitOp {
 public:
  WaitOp(WaitList& list, const char* reason) noexcept
      : WaitOp(list, reason, [] { return false; }) {}
  /// `satisfied()`: there is nothing to wait for. Not asked if the wait is refused.
  template <class Satisfied>
  WaitOp(WaitList& list, const char* reason, Satisfied&& satisfied) noexcept;
  WaitOp(const WaitOp&) = delete;

  bool await_ready() const noexcept { return ready_; }
  void await_suspend(std::coroutine_handle<> self) const noexcept { current_job().suspend(self); }
  WaitResult await_resume() const noexcept { return current_job().result(); }

 private:
  bool ready_;
};

/// The same with a timeout.
class [[nodiscard("co_await it")]] TimedWaitOp {
 public:
  template <class... Satisfied>
  TimedWaitOp(WaitList& list, const char* reason, Instant deadline,
              Satisfied&&... satisfied) noexcept
      : wait_(list, reason, satisfied...), deadline_(deadline) {}
  TimedWaitOp(const TimedWaitOp&) = delete;

  bool await_ready() const noexcept { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    wait_.await_suspend(self);
    timer_.arm(deadline_);
  }
  WaitResult await_resume() const noexcept { return wait_.await_resume(); }

 private:
  WaitOp wait_;
  Instant deadline_;
  WaitTimer timer_;
};

/// The plain wait with a key that wakers look at. It stands in the list already.
class [[nodiscard("co_await it")]] KeyedWaitOp {
 public:
  KeyedWaitOp(WaitList& list, Key key, const char* reason) noexcept;
  KeyedWaitOp(const KeyedWaitOp&) = delete;
  ~KeyedWaitOp() { entry_.unlink(); }

  bool await_ready() const noexcept { return entry_.alone(); }  // the wait was refused
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    entry_.job->suspend_alone(self);
  }
  WaitResult await_resume() const noexcept { return entry_.job->result(); }

 private:
  KeyedEntry entry_;
};

/// The same with a timeout.
class [[nodiscard("co_await it")]] TimedKeyedWaitOp {
 public:
  TimedKeyedWaitOp(WaitList& list, Key key, const char* reason, Instant deadline) noexcept
      : wait_(list, key, reason), deadline_(deadline) {}
  TimedKeyedWaitOp(const TimedKeyedWaitOp&) = delete;

  bool await_ready() const noexcept { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    wait_.await_suspend(self);
    timer_.arm(deadline_);
  }
  WaitResult await_resume() const noexcept { return wait_.await_resume(); }

 private:
  KeyedWaitOp wait_;
  Instant deadline_;
  WaitTimer timer_;
};

class WaitList : public Node {
 public:
  explicit WaitList(Kind kind = Kind::list) noexcept : Node(kind, 0) { reset(); }
  ~WaitList();  // nobody may wait any more

  /// Waits until woken. A cancellation point.
  WaitOp wait(const char* reason) noexcept { return WaitOp(*this, reason); }
  /// … not longer than until `deadline`.
  TimedWaitOp wait_until(Instant deadline, const char* reason) noexcept {
    return TimedWaitOp(*this, reason, deadline);
  }
  // The same, seen by wake_some() under `key`.
  KeyedWaitOp wait_keyed(Key key, const char* reason) noexcept {
    return KeyedWaitOp(*this, key, reason);
  }
  TimedKeyedWaitOp wait_keyed_until(Instant deadline, Key key, const char* reason) noexcept {
    return TimedKeyedWaitOp(*this, key, reason, deadline);
  }

  /// Wakes the first; false if nobody waits. Observers (MultiWait) are woken beside it.
  [[gnu::always_inline]] bool wake_one(WaitResult result = WaitResult::woken) noexcept {
    platform::InterruptGuard masked;
    Node* const first = static_cast<Node*>(next);
    if (first->kind == Kind::waiting) [[likely]] {
      next = first->next;
      next->prev = this;
      static_cast<Job*>(first)->complete_alone(result);
      return true;
    }
    return first != this && wake_first_slowly(result);
  }
  /// Wakes everybody; how many.
  std::size_t wake_all(WaitResult result = WaitResult::woken) noexcept {
    return empty() ? 0 : wake_everybody(result);
  }

  /// Wakes up to `count` of those for which `wanted(Key)` holds, in their order; how many.
  template <class Wanted>
  std::size_t wake_some(std::size_t count, Wanted&& wanted) noexcept {
    std::size_t woken = 0;
    for (Link* link = next; link != this && woken < count;) {
      Node& node = static_cast<Node&>(*link);
      link = link->next;
      const bool meant = node.kind == Kind::observer || wanted(key_of(node));
      if (meant && wake(node, WaitResult::woken)) ++woken;
    }
    return woken;
  }
  /// Wakes the first keyed waiter for which `wanted(Key)` holds, where there are no others to be
  /// told before; false: nobody was woken, and wake_some() has to be asked.
  template <class Wanted>
  [[gnu::always_inline]] bool wake_first_keyed(Wanted&& wanted) noexcept {
    for (Link* link = next; link != this; link = link->next) {
      Node& node = static_cast<Node&>(*link);
      if (node.kind != Kind::keyed) return false;
      if (!wanted(static_cast<KeyedEntry&>(node).key)) continue;
      Job& job = *static_cast<KeyedEntry&>(node).job;
      if (job.kind != Kind::waiting) return false;  // its wait was cut short before
      node.unlink();
      node.reset();
      platform::InterruptGuard masked;
      job.complete_alone(WaitResult::woken);
      return true;
    }
    return false;
  }
  /// Moves up to `count` of the keyed waiters for which `wanted(Key)` holds to `target`, where they
  /// wait under `key`; how many. Who does so already counts, and stays where it is.
  template <class Wanted>
  std::size_t move_some(std::size_t count, WaitList& target, std::uintptr_t key,
                        Wanted&& wanted) noexcept {
    std::size_t moved = 0;
    for (Link* link = next; link != this && moved < count;) {
      Node& node = static_cast<Node&>(*link);
      link = link->next;
      if (node.kind != Kind::keyed || !wanted(key_of(node))) continue;
      if (&target != this || key_of(node).value != key) {
        target.adopt(static_cast<KeyedEntry&>(node), key);
      }
      ++moved;
    }
    return moved;
  }

  bool empty() const noexcept { return alone(); }
  /// Who can end the waits here, if that is one job. For print_graph() and priority inheritance.
  Job* owner() const noexcept { return owner_; }
  void set_owner(Job* owner) noexcept { owner_ = owner; }

  /// Puts a node where its priority belongs.
  void insert(Node& node) noexcept {
    if (empty()) [[likely]] {
      node.next = node.prev = this;
      next = prev = &node;
      return;
    }
    Link* after = this;
    while (static_cast<Node*>(after->prev)->priority > node.priority) after = after->prev;
    after->insert_before(node);
  }

 private:
  static Key key_of(const Node& node) noexcept {
    return node.kind == Kind::keyed ? static_cast<const KeyedEntry&>(node).key : Key{};
  }
  bool wake(Node& node, WaitResult result) noexcept;  // true: a job that waits for itself
  std::size_t wake_everybody(WaitResult result) noexcept;
  ASYNC_SLOW_PATH std::size_t wake_more(WaitResult result) noexcept;
  ASYNC_SLOW_PATH bool wake_first_slowly(WaitResult result) noexcept;
  friend class Executor;
  void reorder(Job& job) noexcept;  // its priority has changed
  void adopt(KeyedEntry& entry, std::uintptr_t key) noexcept;

  Job* owner_ = nullptr;
};

inline KeyedWaitOp::KeyedWaitOp(WaitList& list, Key key, const char* reason) noexcept
    : entry_(&current_job(), key) {
  if (entry_.job->refuses_to_wait()) [[unlikely]]
    return;
  entry_.job->prepare(&list, reason);
  list.insert(entry_);
}

template <class Satisfied>
WaitOp::WaitOp(WaitList& list, const char* reason, Satisfied&& satisfied) noexcept {
  platform::begin_wait();
  Job& job = current_job();
  if (job.refuses_to_wait()) [[unlikely]] {
    ready_ = true;
    job.cancel_wait();
  } else if (satisfied()) {
    job.set_result(WaitResult::woken);
    ready_ = true;
    job.cancel_wait();
  } else {
    job.prepare(&list, reason);
    list.insert(job);
    ready_ = false;
  }
}

}  // namespace async
