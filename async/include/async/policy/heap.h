// JobHeap: jobs sorted by their entities' `key`, the smallest first; equal keys by rank, and then
// in the order of insertion. Policies sort ready jobs, and mutexes their waiters. A pairing heap of
// the entities (M. Fredman, R. Sedgewick, D. Sleator, R. Tarjan: The Pairing Heap, Algorithmica
// 1986): insertion is O(1), removal O(log n) amortised.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>

#include "async/policy/rules.h"

namespace async::policy {

class JobHeap {
 public:
  bool empty() const noexcept { return root_ == nullptr; }
  /// The heap must not be empty; with checks_policies, an empty one returns an entity that is less
  /// urgent than every job.
  Entity& first() const noexcept {
    if (platform::checks_policies && empty()) return less_urgent_than_all();
    return *root_;
  }

  /// `rank`: 0 … 255.
  void push(Entity& entity, std::int64_t key, std::uint8_t rank = 0) noexcept {
    entity.key = key;
    entity.order = (static_cast<std::uint64_t>(rank) << 56) + ++pushed_;
    entity.child = entity.sibling = entity.before = nullptr;
    root_ = root_ == nullptr ? &entity : meld(root_, &entity);
  }
  /// Takes out the first job. The heap must not be empty; with checks_policies, an empty one
  /// returns null.
  Job* pop() noexcept {
    if (platform::checks_policies && empty()) return nullptr;
    Job* const job = root_->job;
    root_ = pair_up(root_->child);
    return job;
  }
  void remove(Entity& entity) noexcept {
    if (&entity == root_) {
      pop();
      return;
    }
    (entity.before->child == &entity ? entity.before->child : entity.before->sibling) =
        entity.sibling;
    if (entity.sibling != nullptr) entity.sibling->before = entity.before;
    if (Entity* const rest = pair_up(entity.child)) root_ = meld(root_, rest);
  }
  /// A wanted job among the first find_limit jobs; null if there is none.
  Job* find(Policy::Wanted wanted) const noexcept {
    unsigned looked_at = 0;
    for (Entity* at = root_; at != nullptr && looked_at < find_limit; at = next(at), ++looked_at) {
      if (wanted(*at->job)) return at->job;
    }
    return nullptr;
  }

 private:
  static Entity& less_urgent_than_all() noexcept {
    static Entity entity{.key = std::numeric_limits<std::int64_t>::max()};
    return entity;
  }
  static bool is_before(const Entity& one, const Entity& other) noexcept {
    if (one.key != other.key) return one.key < other.key;
    return one.order < other.order;
  }
  static Entity* meld(Entity* one, Entity* other) noexcept {
    if (is_before(*other, *one)) std::swap(one, other);
    other->before = one;
    other->sibling = one->child;
    if (one->child != nullptr) one->child->before = other;
    one->child = other;
    one->sibling = one->before = nullptr;
    return one;
  }
  /// Melds the siblings in pairs from the left, then the pairs from the right.
  static Entity* pair_up(Entity* at) noexcept {
    Entity* pairs = nullptr;  // linked through `sibling`, the last pair first
    while (at != nullptr) {
      Entity* const one = at;
      Entity* const other = one->sibling;
      at = other == nullptr ? nullptr : other->sibling;
      one->sibling = one->before = nullptr;
      Entity* pair = one;
      if (other != nullptr) {
        other->sibling = other->before = nullptr;
        pair = meld(one, other);
      }
      pair->sibling = pairs;
      pairs = pair;
    }
    Entity* root = nullptr;
    while (pairs != nullptr) {
      Entity* const pair = std::exchange(pairs, pairs->sibling);
      pair->sibling = nullptr;
      root = root == nullptr ? pair : meld(root, pair);
    }
    return root;
  }
  /// The next entity in depth-first order, which is not the order of the keys.
  static Entity* next(Entity* at) noexcept {
    if (at->child != nullptr) return at->child;
    while (at != nullptr && at->sibling == nullptr) {
      // Goes back to the first sibling, then up to the parent.
      while (at->before != nullptr && at->before->sibling == at) at = at->before;
      at = at->before;
    }
    return at == nullptr ? nullptr : at->sibling;
  }

  Entity* root_ = nullptr;
  std::uint64_t pushed_ = 0;
};

}  // namespace async::policy
