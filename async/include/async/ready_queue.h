// Ready jobs: one first-come-first-served ring a priority level and a bitmap of the levels that
// have any. Most of the time there is one ready job or none, so one that becomes ready alone stays
// beside the rings, and enters its ring only if another joins it before its step.
//
// One word tells which: the address of the only ready job, or, marked by bit 0, the bitmap. Or that
// of a Policy, which then has all ready jobs: what would put a second job into the rings finds it
// there, so that without one none of this costs anything. A level is known by its last node, whose
// `next` is the first, null if it is empty; push and pop touch two nodes at most.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
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
  /// Any hart; elsewhere it may be otherwise already.
  bool empty() const noexcept {
    if (const Policy* const all = policy()) return all->empty();
    return state_ == nothing;
  }
  /// Is there one job, and beside the rings? Or a policy?
  bool is_sole() const noexcept { return (state_ & 1) == 0; }
  /// Which has all jobs. Null: there is none. Any hart.
  Policy* policy() const noexcept { return policy_; }
  /// From here on (null: the rings again). While nothing is ready.
  void set_policy(Policy* policy) noexcept;
  /// The most urgent level that is not empty; `priorities` if all are.
  unsigned top() const noexcept {
    if (empty()) return priorities;
    if (!is_sole()) return std::countr_zero(state_ >> 1);
    return static_cast<unsigned>(std::max(level_of(sole()), 0));
  }
  /// Is anything more urgent than `priority` (0 … 32) here? A policy answers through its own
  /// Node::priority (policy.h).
  bool has_above(unsigned priority) const noexcept {
    const std::uint64_t state = state_;
    if (state == nothing) [[likely]]
      return false;
    if ((state & 1) == 0) {
      return level_of(*reinterpret_cast<const Node*>(state)) < static_cast<int>(priority);
    }
    return (state & (bit(priority) - 2)) != 0;
  }

  /// The last of its level.
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
  /// The same of the running job, when it gives way. Nothing needs to be kept over that.
  [[gnu::always_inline]] void push_back_running(Node& node) noexcept {
    const std::uint64_t state = state_;
    if (state == nothing) [[likely]] {
      state_ = reinterpret_cast<std::uint64_t>(&node);
    } else if ((state & 1) == 0) [[unlikely]] {
      push_running_second(node);
    } else {
      push_back_in_rings(node);
    }
  }
  /// The first of its level.
  void push_front(Node& node) noexcept {
    if (is_sole()) return push_before_sole(node);
    push_front_in_rings(node);
  }

  /// Takes the first of the most urgent level; false if all are empty. The executor's step needs no
  /// more than one test to know that there is one job.
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
  /// … null if all are empty. What a policy picks, if there is one.
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

  /// … any, the order of what stays does not matter: it is about to be taken, too.
  Node* take_any() noexcept {
    seen_ = nullptr;
    seen_level_ = 0;
    return policy() == nullptr ? pop() : policy()->take_any();
  }

  /// Takes out a job that the search wants, the most urgent first. If `first_is_kept`, not the
  /// first of all jobs. Null: there is none, or none in this step (Search::is_over).
  Job* take(bool first_is_kept, Search& search) noexcept;
  /// `node` has been popped, and its step is about to begin: no search may keep it as its place.
  void note_popped(const Node& node) noexcept {
    if (seen_ == &node) seen_ = nullptr;  // it was the first of its level
  }

  /// Takes `node` out of the middle: walks its level.
  void remove(Node& node) noexcept {
    if (is_sole()) {
      if (policy() != nullptr) return remove_from_policy(node);
      state_ = nothing;
      return;
    }
    Link* before = last_[node.priority];
    const bool is_first = before->next == &node;
    while (before->next != &node) before = before->next;
    if (seen_ == &node) seen_ = is_first ? nullptr : before;
    remove_after(*before, node);
  }

 private:
  static constexpr std::uint64_t nothing = 1;  // an empty bitmap

  static constexpr std::uint64_t bit(unsigned priority) noexcept {
    return std::uint64_t{2} << priority;
  }
  /// 0 … 31 of a job; of a policy also -1, which is more urgent than every job.
  static int level_of(const Node& sole) noexcept { return static_cast<std::int8_t>(sole.priority); }
  Node& sole() const noexcept { return *reinterpret_cast<Node*>(std::uint64_t{state_}); }

  Node& pop_from_rings(std::uint64_t state) noexcept {
    Link*& last = last_[__builtin_ctzll(state - 1) - 1];
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
  void push_running_second(Node& node) noexcept;
  void push_back_in_rings(Node& node) noexcept {
    link(node);
    last_[node.priority] = &node;
  }
  void push_front_in_rings(Node& node) noexcept {
    if (link(node)) last_[node.priority] = &node;
  }
  ASYNC_SLOW_PATH void push_before_sole(Node& node) noexcept;
  void use_rings() noexcept;  // for the only ready job, because another comes
  ASYNC_SLOW_PATH void remove_from_policy(Node& node) noexcept;
  /// Takes `node` out of its ring, in which it comes after `before`.
  void remove_after(Link& before, Node& node) noexcept {
    if (&before == &node) {
      state_ &= ~bit(node.priority);
      last_[node.priority] = nullptr;
    } else {
      before.next = node.next;
      if (last_[node.priority] == &node) last_[node.priority] = &before;
    }
  }

  /// Puts `node` between the last and the first; true if it is the only one.
  bool link(Node& node) noexcept {
    Link* const last = last_[node.priority];
    if (last == nullptr) [[unlikely]] {
      state_ |= bit(node.priority);
      node.next = &node;
      return true;
    }
    node.next = last->next;
    last->next = &node;
    return false;
  }

  // The only ready job, a policy, or 1 | 2 << each level that has any. Other harts look at it.
  SharedWord<std::uint64_t> state_ = nothing;
  std::array<Link*, priorities> last_{};
  SharedWord<Policy*> policy_ = nullptr;  // the same as state_ says, without a look at any job
  // Where a search through the rings has stopped: it has looked at all levels before `seen_level_`,
  // and in that one at those up to `seen_`, or at none.
  Link* seen_ = nullptr;
  unsigned seen_level_ = 0;
};

}  // namespace async
