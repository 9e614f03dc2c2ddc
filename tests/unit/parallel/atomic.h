// Atomics, fences and plain data whose operations are points of the explorer.
#pragma once

#include <atomic>
#include <cstring>
#include <source_location>

#include "explorer.h"

namespace parallel_test {

/// Called before a load of an Atomic<T>. A platform may specialise it.
template <class T>
inline void before_load() {}

/// Weak exchanges never fail spuriously.
template <class T>
class Atomic {
  using Where = std::source_location;
  using Order = std::memory_order;
  using Access = Explorer::Access;

 public:
  constexpr Atomic() noexcept : Atomic(T{}) {}
  constexpr Atomic(T value) noexcept : value_(value) {
    if !consteval {
      explorer.touch(this, Explorer::Access::write);
      if (explorer.has_weak_memory())
        explorer.memory().construct(explorer.thread(), this, to_word(value));
    }
  }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(Order order = Order::seq_cst, Where where = Where::current()) const noexcept {
    const bool is_weak = explorer.point("load", this, Access::load, where);
    before_load<T>();
    if (!is_weak) return value_;
    explorer.touch_fences(order);
    const auto read = explorer.memory().load(explorer.thread(), this, to_word(value_), order);
    if (read.is_old) explorer.loaded_old_value();
    return from_word(read.value);
  }
  void store(T value, Order order = Order::seq_cst, Where where = Where::current()) noexcept {
    if (explorer.point("store", this, Access::write, where)) {
      explorer.touch_fences(order);
      value_ = from_word(
          explorer.memory().store(explorer.thread(), this, to_word(value_), to_word(value), order));
    } else {
      value_ = value;
    }
    explorer.changed(this);
  }
  T exchange(T value, Order order = Order::seq_cst, Where where = Where::current()) noexcept {
    return modify("exchange", order, where, [value](T) { return value; });
  }
  T fetch_add(T by, Order order = Order::seq_cst, Where where = Where::current()) noexcept {
    return modify("fetch_add", order, where, [by](T old) { return static_cast<T>(old + by); });
  }
  T fetch_or(T bits, Order order = Order::seq_cst, Where where = Where::current()) noexcept {
    return modify("fetch_or", order, where, [bits](T old) { return static_cast<T>(old | bits); });
  }
  T fetch_and(T bits, Order order = Order::seq_cst, Where where = Where::current()) noexcept {
    return modify("fetch_and", order, where, [bits](T old) { return static_cast<T>(old & bits); });
  }
  bool compare_exchange_strong(T& expected, T value, Order success, Order failure,
                               Where where = Where::current()) noexcept {
    const bool is_weak = explorer.point("compare_exchange", this, Access::write, where);
    T found = value_;
    bool done = found == expected;
    if (is_weak) {
      explorer.touch_fences(success);
      const auto exchanged =
          explorer.memory().compare_exchange(explorer.thread(), this, to_word(value_),
                                             to_word(expected), to_word(value), success, failure);
      done = exchanged.done;
      found = from_word(exchanged.read.value);
      if (exchanged.read.is_old) explorer.loaded_old_value();
    }
    expected = found;
    if (!done) return false;
    value_ = value;
    explorer.changed(this);
    return true;
  }
  bool compare_exchange_strong(T& expected, T value, Order order = Order::seq_cst,
                               Where where = Where::current()) noexcept {
    const Order failure = order == Order::acq_rel   ? Order::acquire
                          : order == Order::release ? Order::relaxed
                                                    : order;
    return compare_exchange_strong(expected, value, order, failure, where);
  }
  bool compare_exchange_weak(T& expected, T value, Order success, Order failure,
                             Where where = Where::current()) noexcept {
    return compare_exchange_strong(expected, value, success, failure, where);
  }
  bool compare_exchange_weak(T& expected, T value, Order order = Order::seq_cst,
                             Where where = Where::current()) noexcept {
    return compare_exchange_strong(expected, value, order, where);
  }

 private:
  static WeakMemory::Value to_word(const T& value) noexcept {
    static_assert(sizeof(T) <= sizeof(WeakMemory::Value));
    WeakMemory::Value word = 0;
    std::memcpy(&word, &value, sizeof value);
    return word;
  }
  static T from_word(WeakMemory::Value word) noexcept {
    T value;
    std::memcpy(&value, &word, sizeof value);
    return value;
  }

  template <class Next>
  T modify(const char* operation, Order order, Where where, Next next) noexcept {
    const bool is_weak = explorer.point(operation, this, Access::write, where);
    const T before = value_;
    value_ = next(before);
    if (is_weak) {
      explorer.touch_fences(order);
      explorer.memory().modify(explorer.thread(), this, to_word(before), order,
                               [this](WeakMemory::Value) { return to_word(value_); });
    }
    explorer.changed(this);
    return before;
  }

  T value_;  // the newest
};

/// Data that is not atomic. With weak memory the explorer fails the run if two threads' accesses
/// race.
template <class T>
class Plain {
  using Where = std::source_location;
  using Access = Explorer::Access;

 public:
  constexpr Plain() noexcept = default;
  constexpr Plain(T value) noexcept : value_(value) {}
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  T get(Where where = Where::current()) const noexcept {
    explorer.access_plain(this, Access::load, where);
    return value_;
  }
  void set(T value, Where where = Where::current()) noexcept {
    explorer.access_plain(this, Access::write, where);
    value_ = value;
  }
  void add(T by, Where where = Where::current()) noexcept {
    set(static_cast<T>(get(where) + by), where);
  }

 private:
  T value_{};
};

}  // namespace parallel_test
