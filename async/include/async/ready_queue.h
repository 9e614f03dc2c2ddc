// The ready jobs of a hart: one first-come-first-served ring per priority level, and a bitmap of
// the levels that are not empty. Usually at most one job is ready. So a job that becomes ready
// alone stays outside the rings. It enters its ring only if a second job becomes ready before its
// step.
//
// The word `state_` distinguishes the cases. Bit 0 set: the other bits are the bitmap. Bit 0 clear:
// it is the address of the only ready job, or of a Policy, which then holds all ready jobs. The
// path that would add a second job to the rings tests for a policy, so the fast paths pay nothing
// for it.
//
// A level is represented by its last node, whose `next` is the first node; null if it is empty.
// Each node but the first has its predecessor in `prev`, so that a node can be taken out wherever
// it is. Push and pop access two nodes at most.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "async/frame_pool.h"
#include "async/node.h"
#include "async/platform.h"
#include "async/policy.h"
#include "async/shared_word.h"

namespace async {

inline constexpr unsigned priorities = 32;  // 0 is most urgent, 31 least

class ReadyQueue {
 public:
  /// Any hart; on other harts the answer may be out of date.
  bool empty() const noexcept {
    if (const Policy* const all = policy()) return all->empty();
    return state_ == nothing;
  }
  /// Whether `state_` is an address: of the only ready job, or of the policy. Otherwise it is the
  /// bitmap.
  bool is_sole() const noexcept { return (state_ & 1) == 0; }
  /// The policy, which then holds all ready jobs; null if none is set. Any hart may call it.
  Policy* policy() const noexcept { return policy_; }
  /// Sets the policy. Null: the queue keeps jobs in its rings again, one per level. The queue must
  /// be empty.
  void set_policy(Policy* policy) noexcept;
  /// The most urgent level that is not empty; `priorities` if all are.
  unsigned top() const noexcept {
    if (empty()) return priorities;
    if (!is_sole()) return std::countr_zero(state_ >> 1);
    return static_cast<unsigned>(std::max(level_of(sole()), 0));
  }
  /// Whether a ready job is more urgent than `priority` (0 … 32). A policy is a Node
  /// itself: its own `priority` stands for all its ready jobs (policy.h).
  bool has_above(unsigned priority) const noexcept {
    // `nothing` is 1: the subtraction clears bit 0 of a bitmap, and makes an address odd.
    const std::uint64_t levels = state_ - nothing;
    if (levels == 0) [[likely]]
      return false;
    if ((levels & 1) != 0) {
      return level_of(*reinterpret_cast<const Node*>(levels + nothing)) <
             static_cast<int>(priority);
    }
    return has_above(levels, priority);
  }

  /// Adds `node` as the last of its level.
  [[gnu::always_inline]] void push_back(Node& node) noexcept {
    const std::uint64_t state = state_;
    if (state == nothing) [[likely]] {
      state_ = reinterpret_cast<std::uint64_t>(&node);
    } else if ((state & 1) == 0) [[unlikely]] {
      push_second(node);
    } else {
      push_back_in_rings(node);
    }
  }
  /// Like push_back(), for the running job, which yields. If a policy is set, calls its yield()
  /// instead of its put(). The slow path is not an ASYNC_SLOW_PATH function: the caller needs no
  /// register preserved across it.
  [[gnu::always_inline]] void push_back_running(Node& node) noexcept {
    if (state_ == nothing) [[likely]] {
      state_ = reinterpret_cast<std::uint64_t>(&node);
    } else if (Link* const last = last_[node.priority]; last != nullptr) [[likely]] {
      append(node, *last);
    } else {
      push_running_apart(node);
    }
  }
  /// Adds a job that has become ready as the first of its level.
  [[gnu::always_inline]] void push_newest(Node& node) noexcept {
    const std::uint64_t state = state_;
    if (state == nothing) [[likely]] {
      state_ = reinterpret_cast<std::uint64_t>(&node);
    } else if ((state & 1) == 0) [[unlikely]] {
      push_newest_second(node);
    } else {
      push_front_in_rings(node);
    }
  }
  /// Adds `node` as the first of its level.
  void push_front(Node& node) noexcept {
    if (is_sole()) return push_before_sole(node);
    push_front_in_rings(node);
  }

  /// Takes out the first job of the most urgent level; false if no job is ready. If only one job is
  /// ready, this costs one test. Not while a policy is set.
  [[gnu::always_inline]] bool pop(Node*& first) noexcept {
    const std::uint64_t state = state_;
    if ((state & 1) != 0) [[unlikely]] {
      if (state == nothing) return false;
      first = &pop_from_rings(state);
      return true;
    }
    state_ = nothing;
    first = reinterpret_cast<Node*>(state);
    return true;
  }
  /// The running job `node` yields: takes out the job that is ready next, and adds `node` as the
  /// last of its level. The next job may be `node` itself. Returns null, and moves no job, if
  /// `accepts(next)` is false, or if a job of another level may come next. Not while a policy is
  /// set.
  template <class Accepts>
  [[gnu::always_inline]] Node* rotate(Node& node, Accepts accepts) noexcept {
    const std::uint64_t state = state_;
    if ((state & 1) == 0) {
      Node& next = *reinterpret_cast<Node*>(state);
      if (next.priority > node.priority || !accepts(next)) return nullptr;
      state_ = reinterpret_cast<std::uint64_t>(&node);
      return &next;
    }
    Link* const last = last_[node.priority];
    if (last == nullptr) [[unlikely]]
      return state == nothing && accepts(node) ? &node : nullptr;
    if (has_above(state - nothing, node.priority)) return nullptr;
    Node& next = static_cast<Node&>(*last->next);
    if (!accepts(next)) return nullptr;
    if (&next == last && state == (nothing | bit(node.priority))) [[unlikely]] {
      last_[node.priority] = nullptr;
      state_ = reinterpret_cast<std::uint64_t>(&node);
      return &next;
    }
    node.prev = last;
    last->next = &node;
    last_[node.priority] = &node;
    node.next = next.next;  // `next` may be `*last`
    return &next;
  }

  /// Takes out the next job: the policy's choice, or the first of the most urgent level. Null if no
  /// job is ready.
  Node* pop() noexcept {
    const std::uint64_t state = state_;
    if ((state & 1) == 0) {
      if (policy() != nullptr) [[unlikely]]
        return policy()->empty() ? nullptr : &policy()->next();
      state_ = nothing;
      return reinterpret_cast<Node*>(state);
    }
    return state == nothing ? nullptr : &pop_from_rings(state);
  }

  /// Takes out any job, null if there is none. For a caller that takes out all of them.
  Node* take_any() noexcept {
    seen_ = nullptr;
    seen_level_ = 0;
    return policy() == nullptr ? pop() : policy()->take_any();
  }

  /// Takes out a job that the search wants, the most urgent first; with `first_is_kept`, never the
  /// first of all jobs. Null if there is none, or if this step of the search has found none
  /// (Search::is_over tells which).
  Job* take(bool first_is_kept, Search& search) noexcept;
  /// Call after `node` was popped and before its step begins: a search must not continue from it.
  void note_popped(const Node& node) noexcept {
    if (seen_ == &node) seen_ = nullptr;  // the search restarts this level; `node` was its first
  }

  /// Takes out `node`, wherever it is.
  void remove(Node& node) noexcept {
    if (is_sole()) {
      if (policy() != nullptr) return remove_from_policy(node);
      state_ = nothing;
      return;
    }
    Link* const last = last_[node.priority];
    const bool is_first = last->next == &node;
    Link* const before = is_first ? last : node.prev;
    if (seen_ == &node) seen_ = is_first ? nullptr : before;
    remove_after(*before, node);
  }

 private:
  static constexpr std::uint64_t nothing = 1;  // an empty bitmap

  static constexpr std::uint64_t bit(unsigned priority) noexcept {
    return std::uint64_t{2} << priority;
  }
  /// If `sole` is the only ready job, its level (0 … 31). If `sole` is the policy, its priority as
  /// a signed number: -1 (Policy::preempt_now) is more urgent than every level.
  static int level_of(const Node& sole) noexcept { return static_cast<std::int8_t>(sole.priority); }
  Node& sole() const noexcept { return *reinterpret_cast<Node*>(std::uint64_t{state_}); }

  /// Whether the bitmap `levels`, without its bit 0, has a level above `priority` (0 … 32).
  static bool has_above(std::uint64_t levels, unsigned priority) noexcept {
    return levels << (63 - priority) != 0;
  }
  /// The most urgent level in the bitmap `state`.
  static std::size_t first_level(std::uint64_t state) noexcept {
    return static_cast<std::size_t>(__builtin_ctzll(state - 1)) - 1;
  }
  Node& pop_from_rings(std::uint64_t state) noexcept {
    Link*& last = last_[first_level(state)];
    Link* const first = last->next;
    if (first == last) [[unlikely]] {
      state_ = state & (state - 2);
      last = nullptr;
    } else {
      last->next = first->next;
    }
    return static_cast<Node&>(*first);
  }

  ASYNC_SLOW_PATH void push_second(Node& node) noexcept;
  ASYNC_SLOW_PATH void push_newest_second(Node& node) noexcept;
  Job* take_oldest(bool first_is_kept, Search& search) noexcept;
  void push_running_apart(Node& node) noexcept;
  void push_back_in_rings(Node& node) noexcept {
    link(node);
    last_[node.priority] = &node;
  }
  /// Adds `node` behind `last`, the last node of its level.
  void append(Node& node, Link& last) noexcept {
    node.next = last.next;
    node.prev = &last;
    last.next = &node;
    last_[node.priority] = &node;
  }
  [[gnu::always_inline]] void push_front_in_rings(Node& node) noexcept {
    if (link(node)) {
      last_[node.priority] = &node;
    } else {
      node.next->prev = &node;  // the node that was first
    }
  }
  ASYNC_SLOW_PATH void push_before_sole(Node& node) noexcept;
  void use_rings() noexcept;  // moves the only ready job to its ring, before a second one is added
  ASYNC_SLOW_PATH void remove_from_policy(Node& node) noexcept;
  /// Takes `node` out of its ring, in which it follows `before`.
  void remove_after(Link& before, Node& node) noexcept {
    if (&before == &node) {
      state_ &= ~bit(node.priority);
      last_[node.priority] = nullptr;
    } else {
      before.next = node.next;
      node.next->prev = &before;
      if (last_[node.priority] == &node) last_[node.priority] = &before;
    }
  }

  /// Links `node` between the last and the first node of its level; true if it is the only one.
  bool link(Node& node) noexcept {
    Link* const last = last_[node.priority];
    if (last == nullptr) [[unlikely]] {
      state_ |= bit(node.priority);
      node.next = &node;
      return true;
    }
    node.next = last->next;
    node.prev = last;
    last->next = &node;
    return false;
  }

  // The only ready job, a policy, or 1 | 2 << each level that is not empty. Other harts read it.
  SharedWord<std::uint64_t> state_ = nothing;
  std::array<Link*, priorities> last_{};
  SharedWord<Policy*> policy_ = nullptr;  // if not null, the policy whose address state_ holds
  // Where a search through the rings has stopped. It has looked at all levels before `seen_level_`,
  // and in that level at the nodes up to `seen_`; null: at none.
  Link* seen_ = nullptr;
  unsigned seen_level_ = 0;
};

}  // namespace async
