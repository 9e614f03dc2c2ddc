// A Node is an entry of a queue: a ready list, a wait list, or a hart's inbox. It is in at most one
// of them at a time, so one pair of links serves all three. Lists are circular and include their
// head as one more Link, so unlinking a node needs neither the list nor a branch.
#pragma once

#include <cstdint>
#include <type_traits>

#include "async/hart_mask.h"
#include "async/shared_word.h"

namespace async {

struct Link {
  Link* next;
  Link* prev;

  void reset() noexcept { next = prev = this; }
  bool alone() const noexcept { return next == this; }

  /// Called on a list's head: appends `node`. Called on a member: inserts `node` just before it.
  void insert_before(Link& node) noexcept {
    Link* const before = prev;
    node.next = this;
    node.prev = before;
    before->next = &node;
    prev = &node;
  }

  /// Does not change the node's own links: set them before their next use.
  void unlink() noexcept {
    Link* const before = prev;
    Link* const after = next;
    before->next = after;
    after->prev = before;
  }
};

/// The kind of a Node; for a Job, also its state.
enum class Kind : std::uint8_t {
  free,           // an unused job slot
  ready,          // a Job in a ready list (or in an inbox on its way there), or whose step runs now
  waiting,        // a Job that waits: in a wait list, or in none, for example while it is parked
  done,           // a Job that has ended and is not joined yet
  list,           // the head of a WaitList
  mutex,          // the head of a Mutex's WaitList
  group,          // several jobs joined together (when_all, when_any)
  scope,          // the head of a Scope's children
  keyed,          // a wait list entry that carries a key, in the waiting coroutine's frame
  observer,       // an entry of a Watcher, such as a MultiWait
  interrupt,      // an async::Interrupt
  alarm,          // an executor's entry in its own inbox: its alarm has fired
  reprioritize,   // an executor's entry: its ready jobs have other priorities or other harts
  change,         // an executor's entry in its own inbox: it must change its policy
  offer,          // an executor's entry in its own inbox: it must go on with offer_all()
  steal_request,  // another executor's request for a job
  detach,         // a Detach: a job loses its handle (parallel.h)
  policy,         // a Policy, which stands in for the ready jobs
};

/// The number of a job's hart. A parallel job may access another one that is on the same hart, so
/// it must see what the job's last hart did.
using HartWord =
    std::conditional_t<platform::parallel_jobs, PublishedWord<HartNumber>, SharedWord<HartNumber>>;

struct Node : Link {
  std::uint8_t priority;  // 0 is the most urgent: the order in wait lists, the level when ready
  HartWord hart;          // of a Job or an Interrupt: the hart whose inbox it uses
  alignas(2) Kind kind;   // a Job's result follows: compilers often write both with one store

  Node(Kind kind, std::uint8_t priority, unsigned hart = 0) noexcept
      : priority(priority), hart(static_cast<HartNumber>(hart)), kind(kind) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};

}  // namespace async
