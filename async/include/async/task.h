// Task<T>: a lazy coroutine. It runs only when it is awaited or spawned. Awaiting transfers control
// to it symmetrically, and its end transfers control back, so await chains of any length use no
// stack.
//
// If a coroutine makes and awaits a task, and the compiler inlines the call that makes it, the
// task's frame lies inside the coroutine's frame. Every other frame comes from a FramePool. Frame
// allocation cannot fail.
//
// This needs a Task that is passed in a register, like the bare handle. So Task is trivial_abi, and
// its awaiter is not an object of its own. The compiler then also removes the call that destroys a
// frame which has nothing to destroy. GCC does none of this, and passes a Task by its address. So
// one compiler must compile all code of a program that uses async/.
//
// A Task is awaited at most once. Destroying a Task that never ran, or is suspended, destroys its
// frame.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/frame_header.h"
#include "async/frame_pool_fast.h"
#include "async/job.h"
#include "async/platform.h"
#include "async/shared_word.h"

namespace async {

template <class T>
class Task;

/// The part that all Task promises share. It is at the start of the promise, so its place in the
/// frame is known without the promise's type.
class PromiseBase {
 public:
  static void* operator new(std::size_t bytes, std::align_val_t alignment) noexcept {
    const std::size_t size = FramePool::aligned(bytes, alignment);
    return with_frame_pool([size](FramePool& pool) { return pool.allocate(size); });
  }
  static void operator delete(void* frame, std::size_t bytes, std::align_val_t alignment) noexcept {
    const std::size_t size = FramePool::aligned(bytes, alignment);
    with_frame_pool([frame, size](FramePool& pool) { pool.release(frame, size); });
  }
  // For GCC, which does not pass the alignment. GCC warns if this operator new is noexcept.
  static void* operator new(std::size_t bytes) { return operator new(bytes, std::align_val_t{16}); }
  static void operator delete(void* frame, std::size_t bytes) noexcept {
    operator delete(frame, bytes, std::align_val_t{16});
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { platform::fail("an exception escaped from a task"); }

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      const PromiseBase& promise = self.promise();
      if (!promise.is_root()) [[likely]]
        return promise.parent();
      platform::begin_wait();
      current_job().leaf_ = self;
      return end_of_job()->handle();
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() const noexcept { return {}; }

  /// For a child: its end resumes `parent`.
  void set_parent(std::coroutine_handle<> parent) noexcept {
    link_ = reinterpret_cast<std::uintptr_t>(parent.address());
  }
  std::coroutine_handle<> parent() const noexcept {
    return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(link_));
  }

  /// For the root of a job: its end wakes `joiner`, if it is not null.
  void set_joiner(Job* joiner) noexcept {
    link_ = reinterpret_cast<std::uintptr_t>(joiner) + root_bit;
  }
  Job* joiner() const noexcept {
    constexpr std::uintptr_t bits = platform::parallel_jobs ? root_bit | ended_bit : root_bit;
    return reinterpret_cast<Job*>(link_ & ~bits);
  }
  bool is_root() const noexcept { return (link_ & root_bit) != 0; }

  /// For the root of a parallel job (parallel.h): notes the job's end.
  void set_ended() noexcept { link_ |= ended_bit; }
  bool has_ended() const noexcept { return (link_ & ended_bit) != 0; }

  // A task's promise is its awaiter, so an await keeps only the promise's address.
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  auto await_suspend(this Promise& self, std::coroutine_handle<> parent) noexcept {
    self.set_parent(parent);
    return std::coroutine_handle<Promise>::from_promise(self);
  }
  decltype(auto) await_resume(this auto& self) noexcept { return self.take(); }

  /// Turns the reports of ended jobs to the trace hook and the policies on or off (trace.h).
  static void watch_ends(bool on) noexcept;

  /// The promise of a Task coroutine whose result type is unknown.
  static PromiseBase& of(std::coroutine_handle<> task) noexcept {
    return std::coroutine_handle<PromiseBase>::from_address(task.address()).promise();
  }

 private:
  static constexpr std::uintptr_t root_bit = 1;
  static constexpr std::uintptr_t ended_bit = 2;

  // The end of a job's root transfers control to one of these. Their resume functions are end_job()
  // and end_watched_job().
  static FrameHeader unwatched_end, watched_end;
  // &unwatched_end or &watched_end. Written in the strand, read in any context.
  static SharedWord<FrameHeader*> job_end;
  static FrameHeader* end_of_job() noexcept {
    // If harts do not run at the same time, watch_ends() changes unwatched_end.resume and not
    // job_end.
    if constexpr (!platform::tracing || !platform::parallel) return &unwatched_end;
    return job_end;
  }
  static void end_job(void*) noexcept;
  static void end_watched_job(void*) noexcept;
  // A separate function, so that end_job() needs no stack frame.
  [[gnu::noinline]] static void free_detached_job(Job& job) noexcept;

  // The parent's frame, or for a root the joining Job and root_bit. Set when the task is awaited or
  // spawned.
  std::uintptr_t link_;
};

/// Storage for a task's result. The awaiter knows that there is a result, but the destructor of a
/// frame does not: the frame may be destroyed early. So only results with a destructor record
/// whether they exist.
template <class T, bool = std::is_trivially_destructible_v<T>>
class Result {
 public:
  Result() noexcept {}
  ~Result() {}
  void set(auto&& value) noexcept {
    std::construct_at(&value_, std::forward<decltype(value)>(value));
  }
  T& get() noexcept { return value_; }

 private:
  union {
    T value_;
  };
};

template <class T>
class Result<T, false> {
 public:
  void set(auto&& value) noexcept { value_.emplace(std::forward<decltype(value)>(value)); }
  T& get() noexcept { return *value_; }

 private:
  std::optional<T> value_;
};

template <class T>
class Promise : public PromiseBase {
  static_assert(alignof(T) <= 16, "a task's result is at most 16-aligned");

 public:
  Task<T> get_return_object() noexcept;

  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) noexcept {
    result_.set(std::forward<U>(value));
  }
  T take() noexcept { return std::move(result_.get()); }

 private:
  Result<T> result_;
};

template <class T>
class Promise<T&> : public PromiseBase {
 public:
  Task<T&> get_return_object() noexcept;
  void return_value(T& value) noexcept { value_ = &value; }
  T& take() noexcept { return *value_; }

 private:
  T* value_ = nullptr;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <class T = void>
class [[nodiscard, clang::trivial_abi]] Task {
 public:
  using promise_type = Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(task_, other.task_);
    return *this;
  }
  ~Task() {
    if (task_) task_.destroy();
  }

  /// For `co_await std::move(task)` and `co_await call()`.
  promise_type& operator co_await() && noexcept { return task_.promise(); }

  /// Passes the frame to the caller, who must destroy it. For spawn().
  Handle release() && noexcept { return std::exchange(task_, nullptr); }

 private:
  friend promise_type;
  explicit Task(Handle task) noexcept : task_(task) {}

  Handle task_;
};

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
template <class T>
Task<T&> Promise<T&>::get_return_object() noexcept {
  return Task<T&>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace async
