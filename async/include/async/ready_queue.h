// Ready jobs: one first-come-first-served ring a priority level and a bitmap of the levels that
// have any. A level is known by its last node, whose `next` is the first; push and pop touch two
// nodes at most, and a level whose bit is clear is empty whatever its pointer says.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "async/node.h"

namespace async {

inline constexpr unsigned priorities = 32;  // 0 is most urgent, 31 least

class ReadyQueue {
 public:
  bool empty() const noexcept { return levels_ == 0; }
  /// The most urgent level that is not empty; `priorities` if all are.
  unsigned top() const noexcept { return empty() ? priorities : std::countr_zero(levels_); }
  /// Is anything more urgent than `priority` (0 … 32) here?
  bool has_above(unsigned priority) const noexcept {
    return (levels_ & ((std::uint64_t{1} << priority) - 1)) != 0;
  }

  /// The last of its level.
  void push_back(Node& node) noexcept {
    link(node);
    last_[node.priority] = &node;
  }
  /// The first of its level.
  void push_front(Node& node) noexcept {
    if (link(node)) last_[node.priority] = &node;
  }

  /// The first of the most urgent level. There is one.
  Node& pop() noexcept {
    Link* const last = last_[std::countr_zero(levels_)];
    Link* const first = last->next;
    if (first == last) {
      levels_ &= levels_ - 1;
    } else {
      last->next = first->next;
    }
    return static_cast<Node&>(*first);
  }

  /// Takes `node` out of the middle: walks its level.
  void remove(Node& node) noexcept {
    Link*& last = last_[node.priority];
    Link* before = last;
    while (before->next != &node) before = before->next;
    if (before == &node) {
      levels_ &= ~(1u << node.priority);
    } else {
      before->next = node.next;
      if (last == &node) last = before;
    }
  }

 private:
  /// Puts `node` between the last and the first; true if it is the only one.
  bool link(Node& node) noexcept {
    const std::uint32_t before = levels_;
    levels_ = before | (1u << node.priority);
    if (levels_ != before) {
      node.next = &node;
      return true;
    }
    Link* const last = last_[node.priority];
    node.next = last->next;
    last->next = &node;
    return false;
  }

  std::uint32_t levels_ = 0;  // bit p: level p is not empty
  std::array<Link*, priorities> last_;
};

}  // namespace async
