// A system call that may wait, with its type erased. `co_await` returns the encoded result.
//
// It holds one of two things: a coroutine, or an awaiter that only joins a wait list
// (async/wait_list.h, async/wait_loop.h). The awaiter is stored in this object, hence in the frame
// of the awaiting coroutine, and needs no frame of its own.
#pragma once

#include <async/task.h>
#include <trap/answer.h>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace trap {

/// Await it at most once.
class [[nodiscard("co_await it")]] WaitingCall {
 public:
  template <class Value>
  explicit WaitingCall(async::Task<Value> task)
      : WaitingCall{std::in_place_type<async::Task<Value>>, std::move(task)} {}

  /// Constructs an awaiter of type Wait in place from `arguments`.
  template <class Wait, class... Arguments>
  explicit WaitingCall(std::in_place_type_t<Wait>, Arguments&&... arguments)
      : kind_{&kind_of<Wait>} {
    static_assert(sizeof(Wait) <= room && alignof(Wait) <= alignof(void*));
    std::construct_at(reinterpret_cast<Wait*>(wait_), std::forward<Arguments>(arguments)...);
  }
  WaitingCall(const WaitingCall&) = delete;
  ~WaitingCall() {
    if (kind_ != nullptr) kind_->destroy(wait_);
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    return kind_->begin(wait_, caller);
  }
  Register await_resume() { return std::exchange(kind_, nullptr)->end(wait_); }

 private:
  struct Kind {
    std::coroutine_handle<> (*begin)(void* wait, std::coroutine_handle<> caller);
    Register (*end)(void* wait);  // returns the result and destroys `wait`
    void (*destroy)(void* wait);
  };

  static constexpr std::size_t room = 88;

  template <class Wait>
  static Wait& as(void* wait) {
    return *std::launder(static_cast<Wait*>(wait));
  }
  template <class Value>
  static async::Promise<Value>& awaiter(async::Task<Value>& task) {
    return std::move(task).operator co_await();
  }
  template <class Wait>
  static Wait& awaiter(Wait& wait) {
    return wait;
  }

  template <class Wait>
  static std::coroutine_handle<> begin(void* wait, std::coroutine_handle<> caller) {
    auto& awaiter = WaitingCall::awaiter(as<Wait>(wait));
    if (awaiter.await_ready()) return caller;
    if constexpr (std::is_void_v<decltype(awaiter.await_suspend(caller))>) {
      awaiter.await_suspend(caller);
      return std::noop_coroutine();
    } else {
      return awaiter.await_suspend(caller);
    }
  }
  template <class Wait>
  static Register end(void* wait) {
    auto&& answer = awaiter(as<Wait>(wait)).await_resume();
    const auto result = ToRegister<std::remove_cvref_t<decltype(answer)>>::encode(answer);
    destroy<Wait>(wait);
    return result;
  }
  template <class Wait>
  static void destroy(void* wait) {
    std::destroy_at(&as<Wait>(wait));
  }
  template <class Wait>
  static constexpr Kind kind_of{begin<Wait>, end<Wait>, destroy<Wait>};

  const Kind* kind_;  // null after it has been awaited
  alignas(void*) std::byte wait_[room];
};

}  // namespace trap
