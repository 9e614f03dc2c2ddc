// Tickets: ready jobs with so many lots each, of which one is drawn. A complete binary tree through
// the entities, whose places are numbered 1, 2 and 3 below 1, and so on by levels: the digits of a
// place are the way to it. Each entity knows the lots of all from itself down. Everything O(log n).
//
// Of an Entity: `child` is the left one, `sibling` the right one, `before` the one above, `credit`
// its own lots, and `key` those from here down.
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
    // The last one takes its place, and with it what is below.
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
  /// Whose lot has that number, from 0 up to all().
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
  /// The link to what is below `entity`, or to the root; `place` is even for the left one.
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
