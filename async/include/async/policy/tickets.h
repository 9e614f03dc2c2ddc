// Tickets: ready jobs with a number of lottery tickets each, of which one is drawn.
//
// The entities form a complete binary tree. The root is number 1, and the children of number n are
// 2n and 2n + 1. So the binary digits of a number are the path to it. Each entity holds the sum of
// the tickets in its subtree. Insertion, removal and drawing are O(log n).
//
// Members of an Entity: `child` is the left child, `sibling` the right child, `before` the parent,
// `credit` the entity's own tickets, and `key` the tickets in its subtree.
#pragma once

#include <algorithm>
#include <bit>
#include <utility>

#include "async/policy/rules.h"

namespace async::policy {

class Tickets {
 public:
  std::int64_t all() const noexcept { return root_ == nullptr ? 0 : root_->key; }

  void insert(Entity& entity, std::int64_t lots) noexcept {
    entity.credit = entity.key = lots;
    entity.child = entity.sibling = nullptr;
    const std::uint64_t place = ++count_;
    entity.before = place == 1 ? nullptr : at(place / 2);
    below(entity.before, place) = &entity;
    add(entity.before, lots);
  }
  void remove(Entity& entity) noexcept {
    const std::uint64_t place = count_--;
    Entity& last = *at(place);
    add(last.before, -last.credit);
    below(last.before, place) = nullptr;
    if (&last == &entity) return;
    // The last entity takes the place and the children of the removed one.
    add(entity.before, last.credit - entity.credit);
    last.key = entity.key - entity.credit + last.credit;
    last.child = entity.child;
    last.sibling = entity.sibling;
    last.before = entity.before;
    for (Entity* const child : {last.child, last.sibling}) {
      if (child != nullptr) child->before = &last;
    }
    const bool is_left = last.before != nullptr && last.before->child == &entity;
    below(last.before, is_left ? 0 : 1) = &last;
  }
  /// The entity that has the ticket with number `lot`, which is 0 … all() − 1.
  Entity& drawn(std::int64_t lot) const noexcept {
    for (Entity* entity = root_;;) {
      const std::int64_t left = entity->child == nullptr ? 0 : entity->child->key;
      if (lot < left) {
        entity = entity->child;
      } else if (lot < left + entity->credit) {
        return *entity;
      } else {
        lot -= left + entity->credit;
        entity = entity->sibling;
      }
    }
  }
  /// A wanted job among the first find_limit jobs; null if there is none.
  Job* find(Policy::Wanted wanted) const noexcept {
    for (std::uint64_t place = 1; place <= std::min<std::uint64_t>(count_, find_limit); ++place) {
      Job* const job = at(place)->job;
      if (wanted(*job)) return job;
    }
    return nullptr;
  }

 private:
  Entity* at(std::uint64_t place) const noexcept {
    Entity* entity = root_;
    for (int digit = std::bit_width(place) - 2; digit >= 0; --digit) {
      entity = (place >> digit & 1) == 0 ? entity->child : entity->sibling;
    }
    return entity;
  }
  /// The link to the left child of `entity` if `place` is even, else to the right child. If
  /// `entity` is null: the link to the root.
  Entity*& below(Entity* entity, std::uint64_t place) noexcept {
    if (entity == nullptr) return root_;
    return place % 2 == 0 ? entity->child : entity->sibling;
  }
  static void add(Entity* entity, std::int64_t lots) noexcept {
    for (; entity != nullptr; entity = entity->before) entity->key += lots;
  }

  Entity* root_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace async::policy
