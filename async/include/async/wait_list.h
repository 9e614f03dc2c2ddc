// WaitList: a list of jobs that wait for an event, the most urgent first; first come, first served
// among equals. Most other primitives contain one. A wake makes jobs ready and never runs them.
//
//   while (pipe.is_empty()) {                          pipe.put(bytes);
//     auto result = co_await readers.wait("pipe");     readers.wake_one();
//     if (result != WaitResult::woken) return …;
//   }
//
// Between the check and the wait there is no await, so no wake is lost. If wake_one() wakes a job,
// and the job is cancelled before it runs, the job has still used up the wake: its wait returns
// `woken`.
//
// In the strand. In worlds with parallel jobs also outside: each function holds the list's lock,
// unless its caller does (list_lock.h). The functions for keyed waiters and for time stay in the
// strand.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/job.h"
#include "async/list_lock.h"
#include "async/owner.h"
#include "async/timer.h"

namespace async {

class WaitList;
struct Observer;

/// The key of a keyed waiter: two words. Only the predicates of the wakers interpret them.
struct Key {
  std::uintptr_t value = 0;
  std::uintptr_t bits = ~std::uintptr_t{0};
};

/// A list entry for waits that need more data than a Job. It is in the frame of the waiting
/// coroutine.
struct Entry : Node {
  Entry(Kind kind, std::uint8_t priority, Job* job) noexcept : Node(kind, priority), job(job) {
    reset();
  }
  /// Leaves its list, if it is in one.
  void leave() noexcept {
    if constexpr (platform::parallel_jobs) {
      leave_list();
    } else {
      unlink();
    }
  }
  Job* job;

  /// In worlds without parallel jobs.
  struct NoList {
    NoList& operator=(WaitList*) noexcept { return *this; }
    operator WaitList*() const noexcept { return nullptr; }
  };
  /// The list that contains the entry; null: none. Strand data. Only in worlds with parallel jobs.
  [[no_unique_address]] std::conditional_t<platform::parallel_jobs, WaitList*, NoList> list{};

 private:
  ASYNC_SLOW_PATH void leave_list() noexcept;
};

struct KeyedEntry : Entry {
  KeyedEntry(Job* job, Key key) noexcept : Entry(Kind::keyed, job->priority, job), key(key) {}
  Key key;
};

/// The timeout of a wait, a member of its awaiter: it ends the wait with `result`.
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

/// A wait without timeout and key. Its constructor already puts the job into the list, so await it
/// in the expression that makes it.
class [[nodiscard("co_await it")]] WaitOp {
 public:
  WaitOp(WaitList& list, const char* reason) noexcept
      : WaitOp(list, reason, [] { return false; }) {}
  /// `satisfied()` returns true if the job need not wait. It is not called if the wait is refused.
  template <class Satisfied>
  WaitOp(WaitList& list, const char* reason, Satisfied&& satisfied) noexcept;
  WaitOp(const WaitOp&) = delete;

  bool await_ready() const noexcept { return ready_; }
  void await_suspend(std::coroutine_handle<> self) const noexcept { current_job().suspend(self); }
  WaitResult await_resume() const noexcept { return current_job().result(); }

 private:
  bool ready_;
};

/// A wait with a key, which wakers test. Its constructor already puts the entry into the list.
class [[nodiscard("co_await it")]] KeyedWaitOp {
 public:
  KeyedWaitOp(WaitList& list, Key key, const char* reason) noexcept;
  KeyedWaitOp(const KeyedWaitOp&) = delete;
  ~KeyedWaitOp() { entry_.leave(); }

  bool await_ready() const noexcept { return entry_.alone(); }  // the wait was refused
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    entry_.job->suspend_alone(self);
  }
  WaitResult await_resume() const noexcept { return entry_.job->result(); }

 private:
  KeyedEntry entry_;
};

/// A WaitOp or a KeyedWaitOp with a timeout. `wait`: the arguments of Wait's constructor after the
/// list.
template <class Wait>
class [[nodiscard("co_await it")]] Timed {
 public:
  template <class... Arguments>
  explicit Timed(Instant deadline, WaitList& list, Arguments&&... wait) noexcept
      : wait_(in_strand(list), std::forward<Arguments>(wait)...), deadline_(deadline) {}
  Timed(const Timed&) = delete;

  bool await_ready() const noexcept { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    wait_.await_suspend(self);
    timer_.arm(deadline_);
  }
  WaitResult await_resume() const noexcept { return wait_.await_resume(); }

 private:
  // A timer ends the wait in the strand, so the wait begins there, too.
  static WaitList& in_strand(WaitList& list) noexcept {
    Strand::visit();
    return list;
  }

  Wait wait_;
  Instant deadline_;
  WaitTimer timer_;
};

class WaitList : public Node {
 public:
  explicit WaitList(Kind kind = Kind::list) noexcept : Node(kind, 0) { reset(); }
  /// A further list of the same object. It has the lock of `first`.
  explicit WaitList(ListLock& first) noexcept : Node(Kind::list, 0), lock_(first) { reset(); }
  ~WaitList();  // fails if a job waits

  /// Waits until woken. A cancellation point.
  WaitOp wait(const char* reason) noexcept { return WaitOp(*this, reason); }
  /// Waits until woken, or until `deadline`. A cancellation point.
  Timed<WaitOp> wait_until(Instant deadline, const char* reason) noexcept {
    return Timed<WaitOp>(deadline, *this, reason);
  }
  // Like wait() and wait_until(), with a key for wake_some().
  KeyedWaitOp wait_keyed(Key key, const char* reason) noexcept {
    return KeyedWaitOp(*this, key, reason);
  }
  Timed<KeyedWaitOp> wait_keyed_until(Instant deadline, Key key, const char* reason) noexcept {
    return Timed<KeyedWaitOp>(deadline, *this, key, reason);
  }

  /// Wakes first all observers (MultiWait), then the first waiter. Returns false if it woke no
  /// waiter; an observer is none.
  [[gnu::always_inline]] bool wake_one(WaitResult result = WaitResult::woken) noexcept {
    platform::InterruptGuard masked;
    const ListLock::WakeGuard guard(lock_);
    return wake_first(result);
  }
  /// wake_one() for a caller that has masked interrupts, and holds the list's lock by a WakeGuard
  /// or visit_to_wake().
  [[gnu::always_inline]] bool wake_first(WaitResult result = WaitResult::woken) noexcept {
    if constexpr (platform::injects_faults) {
      if (loses_wake()) return false;
    }
    Node* const first = static_cast<Node*>(next);
    if (first->kind == Kind::waiting) [[likely]] {
      next = first->next;
      next->prev = this;
      end_wait_of(*static_cast<Job*>(first), result);
      return true;
    }
    return first != this && wake_first_slowly(result);
  }
  /// Wakes the first job, and no observer. For a job that has used up a wake and leaves the cause
  /// of the wake to the next one: observers have already seen that wake.
  void pass_wake() noexcept {
    const ListLock::WakeGuard guard(lock_);
    if (!alone()) pass_wake_to_first();
  }
  /// Takes the first waiter out of the list, for Job::complete_sharing(). The caller shares the
  /// strand, and holds the lock of the list. Null: the first node is no job.
  Job* take_first() noexcept {
    Node* const first = static_cast<Node*>(next);
    if (first->kind != Kind::waiting) return nullptr;
    first->unlink();
    return static_cast<Job*>(first);
  }
  /// wake_one() for a caller that shares the strand, and holds the lock of the object. Sets `woken`
  /// to the first waiter, for Job::complete_sharing() when the caller has released the lock; null:
  /// none waits. False: only the strand can wake the list now, and nothing has changed.
  bool wake_one_sharing(Job*& woken) noexcept {
    woken = take_first();
    return woken != nullptr || alone() || notify_observer_sharing(woken);
  }
  /// Wakes all waiters; returns how many.
  std::size_t wake_all(WaitResult result = WaitResult::woken) noexcept {
    const ListLock::WakeGuard guard(lock_);
    return alone() ? 0 : wake_everybody(result);
  }

  /// Wakes up to `count` waiters for which `wanted(Key)` is true, in the order of the list. Returns
  /// how many. Waiters without a key count as the default Key.
  template <class Wanted>
  std::size_t wake_some(std::size_t count, Wanted&& wanted) noexcept {
    const ListLock::WakeGuard guard(lock_);
    std::size_t woken = 0;
    for (Link* link = next; link != this && woken < count;) {
      Node& node = static_cast<Node&>(*link);
      link = link->next;
      const bool meant = node.kind == Kind::observer || wanted(key_of(node));
      if (meant && wake(node, WaitResult::woken)) ++woken;
    }
    return woken;
  }
  /// What wake_first_keyed() has done. must_search: it has woken no job, because it has met an
  /// entry without a key or an entry whose wait has ended. The caller must call wake_some().
  enum class FirstKeyed : std::uint8_t { none, woken, must_search };
  /// A fast path of wake_some() with `count` 1: wakes the first waiter for which `wanted(Key)` is
  /// true.
  template <class Wanted>
  [[gnu::always_inline]] FirstKeyed wake_first_keyed(Wanted&& wanted) noexcept {
    KeyedEntry* entry = nullptr;
    const FirstKeyed found = find_first_keyed(wanted, entry);
    if (found != FirstKeyed::woken) return found;
    platform::InterruptGuard masked;
    take(*entry).complete_alone(WaitResult::woken);
    return FirstKeyed::woken;
  }
  /// The two halves of wake_first_keyed(). find_first_keyed() sets `entry` if it returns `woken`.
  /// The caller then calls take(), and ends the wait of the job.
  template <class Wanted>
  [[gnu::always_inline]] FirstKeyed find_first_keyed(Wanted&& wanted, KeyedEntry*& entry) noexcept {
    if constexpr (platform::parallel_jobs) return FirstKeyed::must_search;  // takes no lock
    for (Link* link = next; link != this; link = link->next) {
      Node& node = static_cast<Node&>(*link);
      if (node.kind != Kind::keyed) return FirstKeyed::must_search;
      if (!wanted(static_cast<KeyedEntry&>(node).key)) continue;
      entry = &static_cast<KeyedEntry&>(node);
      return entry->job->kind == Kind::waiting ? FirstKeyed::woken : FirstKeyed::must_search;
    }
    return FirstKeyed::none;
  }
  [[gnu::always_inline]] static Job& take(KeyedEntry& entry) noexcept {
    entry.unlink();
    entry.reset();
    return *entry.job;
  }
  /// Moves up to `count` keyed waiters for which `wanted(Key)` is true to `target`, with the new
  /// key value `key`. Returns how many. A waiter that is already in `target` with this key counts,
  /// too, and keeps its place.
  template <class Wanted>
  std::size_t move_some(std::size_t count, WaitList& target, std::uintptr_t key,
                        Wanted&& wanted) noexcept {
    std::size_t moved = 0;
    Moving moving;
    {
      const ListLock::Guard guard(lock_);
      for (Link* link = next; link != this && moved < count;) {
        Node& node = static_cast<Node&>(*link);
        link = link->next;
        if (node.kind != Kind::keyed || !wanted(key_of(node))) continue;
        if (&target != this || key_of(node).value != key) {
          moving.move(static_cast<KeyedEntry&>(node), target, key);
        }
        ++moved;
      }
    }
    moving.end([&](KeyedEntry& entry) { target.adopt(entry, key); });
    return moved;
  }

  bool empty() const noexcept { return alone(); }
  /// Observers are before all waiters.
  bool has_observers() const noexcept {
    return !alone() && static_cast<const Node*>(next)->kind == Kind::observer;
  }

  /// Says for what the waiters wait: `is_true` is a member function of `object`, which contains the
  /// list. While it returns true, no waiter may be asleep for long. Only worlds with
  /// platform::injects_faults keep it. There detectors find wakes that were never sent, and
  /// Fault::wake_lost omits wakes of this list. `may_wake_again`: a woken job looks at the
  /// condition again, and takes nothing from the object just because it was woken.
  template <auto is_true, class Object>
  void wakes_when([[maybe_unused]] const Object& object,
                  [[maybe_unused]] bool may_wake_again = false) noexcept {
    if constexpr (platform::injects_faults) {
      condition_ = {
          [](const void* of) -> bool { return (static_cast<const Object*>(of)->*is_true)(); },
          &object, may_wake_again};
    }
  }
  /// Whether the condition of wakes_when() is true. False if the list has none. In the strand.
  bool should_be_empty() const noexcept {
    if constexpr (!platform::injects_faults) return false;
    return condition_.is_true != nullptr && condition_.is_true(condition_.object);
  }

  /// For a detector that has found a wake that was not sent: sends it, if that is harmless.
  void wake_again() noexcept {
    if constexpr (platform::injects_faults) {
      if (condition_.may_wake_again) wake_one();
    }
  }

  /// Protects this list and the object that contains it.
  ListLock& lock() noexcept { return lock_; }

  /// The only job that can end the waits in this list; null: none or several. For print_graph() and
  /// priority inheritance.
  Job* owner() const noexcept { return owner_.job(); }
  void set_owner(Job* owner) noexcept { owner_.set(owner); }

  /// Moves each keyed waiter to the list `list_of(Key)`, in the order of this list. Other nodes
  /// stay.
  template <class ListOf>
  void distribute(ListOf&& list_of) noexcept {
    Moving moving;
    {
      const ListLock::Guard guard(lock_);
      for (Link* link = next; link != this;) {
        Node& node = static_cast<Node&>(*link);
        link = link->next;
        if (node.kind != Kind::keyed) continue;
        auto& entry = static_cast<KeyedEntry&>(node);
        moving.move(entry, list_of(entry.key), entry.key.value);
      }
    }
    moving.end([&](KeyedEntry& entry) { list_of(entry.key).adopt(entry, entry.key.value); });
  }

  /// Inserts a node by priority, after the nodes of the same priority. It passes the nodes that are
  /// less urgent.
  void insert(Node& node) noexcept {
    lock_.note_insertion(empty());
    if (empty()) [[likely]] {
      node.next = node.prev = this;
      next = prev = &node;
      return;
    }
    Link* after = this;
    while (static_cast<Node*>(after->prev)->priority > node.priority) after = after->prev;
    after->insert_before(node);
  }
  /// Like insert(), but before the nodes of the same priority, and behind all observers.
  void insert_first(Node& node) noexcept {
    lock_.note_insertion(alone());
    Link* before = next;
    while (before != this && (static_cast<Node*>(before)->kind == Kind::observer ||
                              static_cast<Node*>(before)->priority < node.priority)) {
      before = before->next;
    }
    before->insert_before(node);
  }
  /// Inserts a node before all other ones.
  void insert_observer(Node& node) noexcept {
    lock_.note_insertion(alone());
    next->insert_before(node);
  }
  /// Like insert(), but a node that is more urgent than all others passes none of them. For lists
  /// in which very many may wait; otherwise the test costs more than it saves.
  void insert_in_crowd(Node& node) noexcept {
    lock_.note_insertion(empty());
    if (!empty() && static_cast<Node*>(next)->priority > node.priority) {
      return next->insert_before(node);
    }
    insert(node);
  }

 private:
  /// Moves entries from one list to others. A hart holds the lock of one list at a time. So if
  /// lists have locks, the entries leave the one list first, and enter the others at the end.
  class Moving {
   public:
    void move(KeyedEntry& entry, WaitList& target, std::uintptr_t key) noexcept {
      if constexpr (!platform::parallel_jobs) return target.adopt(entry, key);
      entry.unlink();
      entries_.insert_before(entry);
    }
    template <class Adopt>
    void end(Adopt&& adopt) noexcept {
      if constexpr (!platform::parallel_jobs) return;
      while (!entries_.alone()) adopt(static_cast<KeyedEntry&>(*entries_.next));
    }

   private:
    Link entries_{&entries_, &entries_};
  };

  static Key key_of(const Node& node) noexcept {
    return node.kind == Kind::keyed ? static_cast<const KeyedEntry&>(node).key : Key{};
  }
  /// Ends the wait of a job that is in no list any more.
  [[gnu::always_inline]] static void end_wait_of(Job& job, WaitResult result) noexcept {
    if (!ListLock::is_held()) [[likely]]
      return job.complete_alone(result);
    job.set_result(result);
    ListLock::wake_later(job);
  }
  /// Job::complete() for a waiter of this list.
  [[gnu::always_inline]] static bool complete(Job& job, WaitResult result) noexcept {
    if (!ListLock::is_held()) return job.complete(result);
    if (job.kind != Kind::waiting) return false;
    job.unlink();
    end_wait_of(job, result);
    return true;
  }
  bool loses_wake() const noexcept;
  bool wake(Node& node, WaitResult result) noexcept;  // true: it woke a job, not an observer
  static void take_out(Entry& entry) noexcept;
  static void notify(Observer& observer) noexcept;
  std::size_t wake_everybody(WaitResult result) noexcept;
  ASYNC_SLOW_PATH std::size_t wake_more(WaitResult result) noexcept;
  ASYNC_SLOW_PATH bool wake_first_slowly(WaitResult result) noexcept;
  void pass_wake_to_first() noexcept;
  ASYNC_SLOW_PATH bool notify_observer_sharing(Job*& woken) noexcept;
  friend class Executor;
  void reorder(Job& job) noexcept;  // moves `job`, whose priority has changed
  void adopt(KeyedEntry& entry, std::uintptr_t key) noexcept;

  struct Condition {
    bool (*is_true)(const void* object) = nullptr;
    const void* object = nullptr;
    bool may_wake_again = false;
  };
  struct NoCondition {
    NoCondition& operator=(Condition) noexcept { return *this; }
    static constexpr bool (*is_true)(const void*) = nullptr;
    static constexpr const void* object = nullptr;
    static constexpr bool may_wake_again = false;
  };

  friend class Mutex;
  Owner owner_;
  [[no_unique_address]] ListLock lock_;
  [[no_unique_address]] std::conditional_t<platform::injects_faults, Condition, NoCondition>
      condition_;
};

/// Whether `job` waits in a list whose condition is true (WaitList::wakes_when()). In the strand.
bool waits_in_vain(const Job& job) noexcept;

inline KeyedWaitOp::KeyedWaitOp(WaitList& list, Key key, const char* reason) noexcept
    : entry_(&current_job(), key) {
  if (entry_.job->refuses_to_wait()) [[unlikely]]
    return;
  Strand::visit();
  Strand::check_access();
  list.lock().visit();
  entry_.job->prepare(&list, reason);
  list.insert_in_crowd(entry_);
  entry_.list = &list;
}

template <class Satisfied>
WaitOp::WaitOp(WaitList& list, const char* reason, Satisfied&& satisfied) noexcept {
  platform::begin_wait();
  list.lock().visit();
  Job& job = current_job();
  Strand::check_access_unless([&job] { return job.is_parallel(); });
  if (job.refuses_to_wait()) [[unlikely]] {
    ready_ = true;
    job.cancel_wait();
    ListLock::end_visit();
  } else if (satisfied()) {
    job.set_result(WaitResult::woken);
    ready_ = true;
    job.cancel_wait();
    ListLock::end_visit();
  } else {
    job.prepare(&list, reason);
    list.insert(job);
    ready_ = false;
  }
}

}  // namespace async
