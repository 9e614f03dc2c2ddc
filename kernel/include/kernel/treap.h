// An intrusive search tree: a treap (Seidel and Aragon, "Randomized search trees", 1996). Each
// parent has a higher rank than its children. The ranks are mixed from the objects' addresses,
// which programs do not know. So the expected depth is logarithmic for every sequence of calls.
// Adding and removing allocate nothing. The tree does not own its objects.
#pragma once

#include <cstdint>

namespace kernel {

/// The base of objects that a Treap can hold. An object can be in one treap for each Tag at a time.
template <class Tag>
class TreapNode {
 public:
  TreapNode() = default;
  TreapNode(const TreapNode&) = delete;
  TreapNode& operator=(const TreapNode&) = delete;

 private:
  template <class, class>
  friend class Treap;
  TreapNode* parent_ = nullptr;
  TreapNode* left_ = nullptr;
  TreapNode* right_ = nullptr;
};

/// `Tag` has two static functions. is_before(one, other) is the order. update(object, left, right)
/// computes what an object knows about its subtree from its children, which may be null.
template <class T, class Tag>
class Treap {
  using Node = TreapNode<Tag>;

 public:
  constexpr Treap() = default;
  Treap(const Treap&) = delete;
  Treap& operator=(const Treap&) = delete;

  bool empty() const { return root_ == nullptr; }
  T* root() const { return to(root_); }
  static T* left(const T& object) { return to(node_of(object).left_); }
  static T* right(const T& object) { return to(node_of(object).right_); }
  static T* parent(const T& object) { return to(node_of(object).parent_); }

  void insert(T& object) {
    Node& node = object;
    Node** place = &root_;
    for (node.parent_ = nullptr; *place != nullptr;) {
      node.parent_ = *place;
      const bool goes_left = Tag::is_before(object, *to(node.parent_));
      place = goes_left ? &node.parent_->left_ : &node.parent_->right_;
    }
    *place = &node;
    update(node);
    while (node.parent_ != nullptr && rank(*node.parent_) < rank(node)) rotate_up(node);
    update_all(node.parent_);
  }

  void remove(T& object) {
    Node& node = object;
    while (node.left_ != nullptr || node.right_ != nullptr) {
      const bool left_rises = node.right_ == nullptr ||
                              (node.left_ != nullptr && rank(*node.left_) > rank(*node.right_));
      rotate_up(left_rises ? *node.left_ : *node.right_);
    }
    place_of(node) = nullptr;
    update_all(node.parent_);
    node.parent_ = nullptr;
  }

  /// The object behind `object`, or null.
  static T* next(const T& object) {
    const Node* at = &node_of(object);
    if (at->right_ != nullptr) {
      for (at = at->right_; at->left_ != nullptr;) at = at->left_;
      return to(const_cast<Node*>(at));
    }
    while (at->parent_ != nullptr && at->parent_->right_ == at) at = at->parent_;
    return to(at->parent_);
  }

  /// The first object for which `is_before(object)` is false, or null. The objects for which it is
  /// true come before all others.
  template <class IsBefore>
  T* find(IsBefore is_before) const {
    Node* found = nullptr;
    for (Node* at = root_; at != nullptr;) {
      if (is_before(*to(at))) {
        at = at->right_;
      } else {
        found = at;
        at = at->left_;
      }
    }
    return to(found);
  }

 private:
  static T* to(Node* node) { return static_cast<T*>(node); }
  static const Node& node_of(const T& object) { return object; }
  static std::uint64_t rank(const Node& node) {
    constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio
    std::uint64_t mixed = reinterpret_cast<std::uintptr_t>(&node) * golden;
    mixed = (mixed ^ mixed >> 32) * golden;
    return mixed ^ mixed >> 32;
  }
  static void update(Node& node) { Tag::update(*to(&node), to(node.left_), to(node.right_)); }
  static void update_all(Node* from) {
    for (; from != nullptr; from = from->parent_) update(*from);
  }
  Node*& place_of(Node& node) {
    if (node.parent_ == nullptr) return root_;
    return node.parent_->left_ == &node ? node.parent_->left_ : node.parent_->right_;
  }
  /// Puts the node into the place of its parent, which becomes its child.
  void rotate_up(Node& node) {
    Node& parent = *node.parent_;
    place_of(parent) = &node;
    Node*& from = parent.left_ == &node ? parent.left_ : parent.right_;
    Node*& to_node = parent.left_ == &node ? node.right_ : node.left_;
    from = to_node;
    if (from != nullptr) from->parent_ = &parent;
    to_node = &parent;
    node.parent_ = parent.parent_;
    parent.parent_ = &node;
    update(parent);
    update(node);
  }

  Node* root_ = nullptr;
};

}  // namespace kernel
