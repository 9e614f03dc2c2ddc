// A Node is anything that can stand in a queue: a ready list, a wait list, or a hart's inbox. It is
// in at most one of them at a time, so one pair of links serves all three. The lists are circular
// with the head as one more Link: taking a node out needs neither the list nor a branch.
#pragma once

#include <cstdint>

#include "async/shared_word.h"

namespace async {

struct Link {
  Link* next;
  Link* prev;

  void reset() noexcept { next = prev = this; }
  bool alone() const noexcept { return next == this; }

  /// As a head: `node` becomes the last. As a member: `node` comes just before this.
  void insert_before(Link& node) noexcept {
    Link* const before = prev;
    node.next = this;
    node.prev = before;
    before->next = &node;
    prev = &node;
  }

  /// Leaves the node's own links as they were: set them before they are used again.
  void unlink() noexcept {
    Link* const before = prev;
    Link* const after = next;
    before->next = after;
    after->prev = before;
  }
};

/// What a Node is; for a Job, also where it is in its life.
enum class Kind : std::uint8_t {
  free,       // a job slot that nobody uses
  ready,      // a Job in a ready list (or in an inbox on its way there), or whose step runs now
  waiting,    // a Job that waits: in a wait list, or alone where only a timer or a pointer knows it
  done,       // a Job that has ended and was not joined yet
  list,       // the head of a WaitList
  mutex,      // the head of a Mutex's WaitList
  group,      // several jobs joined together (when_all, when_any)
  scope,      // the head of a Scope's children
  keyed,      // a wait list entry that carries a key, in the waiting coroutine's frame
  observer,   // one of several entries of the same MultiWait
  interrupt,  // an async::Interrupt
  alarm,      // an executor's own entry for its inbox: the timer is due
  reprioritize,   // … priorities or affinities of its ready jobs have changed
  change,         // … another policy is to come
  offer,          // … its search for idle harts continues
  steal_request,  // another executor's: it has nothing to do
  policy,         // a Policy, in the place of ready jobs
};

struct Node : Link {
  std::uint8_t priority;  // 0 is most urgent. Wait lists are sorted by it, ready lists chosen by it
  SharedWord<std::uint8_t> hart;  // of a Job or an Interrupt: where it belongs
  alignas(2) Kind kind;  // a Job's result follows, and is often written with it in one store

  Node(Kind kind, std::uint8_t priority, unsigned hart = 0) noexcept
      : priority(priority), hart(static_cast<std::uint8_t>(hart)), kind(kind) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};

}  // namespace async
