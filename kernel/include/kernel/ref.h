// Intrusive reference counting: the object holds the count of its owners.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace kernel {

/// The base of objects that a `Ref` can own. A new object has one owner, which `adopt` takes over.
/// A derived class with a virtual destructor is destroyed through it. `alignment` is the count's.
template <class Derived, std::size_t alignment = alignof(std::atomic<std::uint32_t>)>
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void retain() const { owners_.fetch_add(1, std::memory_order_relaxed); }
  /// retain(), unless the object has no owner left: then it returns false. For an object that the
  /// caller has found without owning a reference, while it shares the strand.
  bool retain_if_owned() const {
    std::uint32_t owners = owners_.load(std::memory_order_relaxed);
    do {
      if (owners == 0) return false;
    } while (!owners_.compare_exchange_weak(owners, owners + 1, std::memory_order_relaxed));
    return true;
  }
  void release() const {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Derived::destroy(static_cast<const Derived*>(this));
    }
  }
  /// release(), unless this is the last reference: then it returns false, and the caller keeps it.
  bool release_unless_last() const {
    std::uint32_t owners = owners_.load(std::memory_order_relaxed);
    do {
      if (owners == 1) return false;
    } while (!owners_.compare_exchange_weak(owners, owners - 1, std::memory_order_acq_rel));
    return true;
  }
  /// Whether the caller's reference is the only one. If it is, the caller sees all writes of
  /// former owners.
  bool has_one_owner() const { return owners_.load(std::memory_order_acquire) == 1; }
  std::uint32_t owners() const { return owners_.load(std::memory_order_relaxed); }

  /// The end of an object without owners. A derived class may replace it.
  static void destroy(const Derived* object) { delete object; }

 protected:
  ~RefCounted() = default;

 private:
  alignas(alignment) mutable std::atomic<std::uint32_t> owners_{1};
};

/// A reference to a `RefCounted` object, or null. Any hart, any task.
template <class T>
class [[nodiscard]] Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}

  /// Takes over the one reference of a new object.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  /// Adds a reference.
  static Ref share(T& object) {
    object.retain();
    return adopt(&object);
  }

  Ref(const Ref& other) : object_{other.object_} {
    if (object_) object_->retain();
  }
  Ref(Ref&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  template <class U>
    requires std::convertible_to<U*, T*>
  Ref(Ref<U> other) : object_{other.leak()} {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref&) const = default;

  /// Returns the object without dropping the reference, which the caller now owns.
  [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <class T, class... Arguments>
Ref<T> make_ref(Arguments&&... arguments) {
  return Ref<T>::adopt(new T(std::forward<Arguments>(arguments)...));
}

}  // namespace kernel
