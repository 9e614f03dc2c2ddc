// An intrusive doubly linked list. Adding and removing allocate nothing, and removing needs no
// search. The list does not own its objects.
#pragma once

namespace kernel {

/// The base of objects that a List can hold. An object can be in one list for each Tag at a time.
template <class Tag = void>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;

 private:
  template <class, class>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

template <class T, class Tag = void>
class List {
  using Node = ListNode<Tag>;

 public:
  constexpr List() { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return head_.next_ == &head_; }

  void push_back(T& object) {
    Node& node = object;
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }

  void remove(T& object) {
    Node& node = object;
    node.previous_->next_ = node.next_;
    node.next_->previous_ = node.previous_;
    node.next_ = node.previous_ = nullptr;
  }

  T& front() { return static_cast<T&>(*head_.next_); }

  /// A loop may remove the current object, but no other.
  class Iterator {
   public:
    explicit Iterator(Node* node) : node_{node}, next_{node->next_} {}
    T& operator*() const { return static_cast<T&>(*node_); }
    Iterator& operator++() {
      node_ = next_;
      next_ = node_->next_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return node_ == other.node_; }

   private:
    Node* node_;
    Node* next_;
  };
  Iterator begin() { return Iterator{head_.next_}; }
  Iterator end() { return Iterator{&head_}; }

 private:
  Node head_;
};

}  // namespace kernel
