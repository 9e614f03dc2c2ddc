// The wait of a system call, with its type erased. `co_await` returns the encoded result.
//
// A handler that cannot answer at once leaves one of two things in its caller's WaitingCall: a
// coroutine, or an awaiter that only joins a wait list (async/wait_list.h, async/wait_loop.h). The
// awaiter needs no frame of its own. If the call misses a page before it waits, some handlers leave
// a wait that tries again (fill_missing_page). The others leave nothing, and their caller stores a
// RepeatableCall.
//
// An awaiter that misses a page at the end of its wait answers would_block and remains in the
// WaitingCall, with all that it knows: its file, for example, and its deadline. The
// coroutine that awaits the WaitingCall reads the page, and then awaits the WaitingCall again.
#pragma once

#include <async/task.h>
#include <trap/answer.h>

#include <coroutine>
#include <cstddef>
#include <expected>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace trap {

/// A system call that can be made again, from its start.
class RepeatableCall {
 public:
  /// `call()` calls the handler and returns what that returns.
  template <class Call>
  explicit RepeatableCall(const Call& call)
      : make_{[](const void* made) { return (*static_cast<const Call*>(made))(); }} {
    static_assert(sizeof(Call) <= room && alignof(Call) <= alignof(void*));
    static_assert(std::is_trivially_copyable_v<Call>);
    ::new (call_) Call(call);
  }

  Register operator()() const { return make_(call_); }

  // As an awaiter it does not make the call. It only asks for the page-in, by the result
  // would_block, and remains.

  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  Register await_resume() const { return would_block; }
  std::coroutine_handle<> again(std::coroutine_handle<> caller) const { return caller; }

 private:
  static constexpr std::size_t room = 48;

  Register (*make_)(const void* call);
  alignas(void*) std::byte call_[room];
};

/// Empty, or what one call waits for. After `co_await` it is empty again, with one exception: if an
/// awaiter that can try again (can_try_again) answers would_block, it remains, and the next
/// `co_await` tries again. So does an awaiter that fill_missing_page() has stored, after its first
/// `co_await`.
class WaitingCall {
 public:
  WaitingCall() = default;
  WaitingCall(const WaitingCall&) = delete;
  ~WaitingCall() { clear(); }

  bool empty() const { return kind_ == nullptr; }
  /// Stores what `make()` returns: an async::Task or an awaiter. If that has no value, the result
  /// is 0. The WaitingCall must be empty. Inlined, because the compiler then constructs the awaiter
  /// in its place (ipc.futex: 1 % fewer instructions).
  template <class Make>
  [[gnu::always_inline]] void fill(Make&& make) {
    using Wait = std::invoke_result_t<Make>;
    static_assert(sizeof(Wait) <= room && alignof(Wait) <= alignof(void*));
    ::new (wait_) Wait(make());
    kind_ = &kind_of<Wait>;
  }
  /// Like fill(), for a call that has missed a page. The first `co_await` returns would_block, and
  /// its caller reads the page. The second one calls the awaiter's again(), which must be able to
  /// begin the wait.
  template <class Make>
  void fill_missing_page(Make&& make) {
    using Wait = std::invoke_result_t<Make>;
    static_assert(can_try_again<Wait>);
    fill(std::forward<Make>(make));
    kind_ = &kind_missing_page<Wait>;
  }
  void clear() {
    if (!empty()) std::exchange(kind_, nullptr)->destroy(wait_);
  }
  /// Whether the call waits for a `Wait`.
  template <class Wait>
  bool holds() const {
    if constexpr (can_try_again<Wait>) {
      if (kind_ == &kind_again<Wait>) return true;
    }
    return kind_ == &kind_of<Wait>;
  }
  /// Takes out the `Wait` that it holds. For a caller that itself awaits or makes
  /// what it holds.
  template <class Wait>
  Wait take() {
    static_assert(std::is_trivially_copyable_v<Wait>);
    kind_ = nullptr;
    return as<Wait>(wait_);
  }

  /// Until when the call waits; never if its wait has no `deadline()`.
  async::Instant deadline() const {
    return !empty() && kind_->deadline != nullptr ? kind_->deadline(wait_) : async::never;
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    return kind_->begin(wait_, caller);
  }
  Register await_resume() { return std::exchange(kind_, nullptr)->end(*this); }

 private:
  struct Kind {
    std::coroutine_handle<> (*begin)(void* wait, std::coroutine_handle<> caller);
    Register (*end)(WaitingCall& call);  // returns the result; for await_resume()
    void (*destroy)(void* wait);
    async::Instant (*deadline)(const void* wait);  // null: it has none
  };

  /// Whether an awaiter remains after the result would_block. In place of await_suspend(caller),
  /// again(caller) is called then, in the strand. It returns `caller` if there is a new result, and
  /// otherwise waits as before.
  template <class Wait>
  static constexpr bool can_try_again =
      requires(Wait& wait, std::coroutine_handle<> caller) { wait.again(caller); };

  static constexpr std::size_t room = 112;

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
  static Register end(WaitingCall& call) {
    auto& done = awaiter(as<Wait>(call.wait_));
    Register result = 0;
    if constexpr (std::is_void_v<decltype(done.await_resume())>) {
      done.await_resume();
    } else {
      auto&& answer = done.await_resume();
      result = ToRegister<std::remove_cvref_t<decltype(answer)>>::encode(answer);
    }
    if constexpr (can_try_again<Wait>) {
      if (result == would_block) [[unlikely]] {
        call.kind_ = &kind_again<Wait>;
        return result;
      }
    }
    destroy<Wait>(call.wait_);
    return result;
  }
  template <class Wait>
  static std::coroutine_handle<> try_again(void* wait, std::coroutine_handle<> caller) {
    return as<Wait>(wait).again(caller);
  }
  template <class Wait>
  static void destroy(void* wait) {
    std::destroy_at(&as<Wait>(wait));
  }
  template <class Wait>
  static async::Instant deadline_of(const void* wait) {
    return std::launder(static_cast<const Wait*>(wait))->deadline();
  }
  template <class Wait>
  static constexpr Kind make_kind() {
    Kind kind{
        .begin = begin<Wait>, .end = end<Wait>, .destroy = destroy<Wait>, .deadline = nullptr};
    if constexpr (requires(const Wait& wait) { wait.deadline(); })
      kind.deadline = deadline_of<Wait>;
    return kind;
  }
  template <class Wait>
  static constexpr Kind make_kind_again() {
    Kind kind = make_kind<Wait>();
    kind.begin = try_again<Wait>;
    return kind;
  }
  template <class Wait>
  static constexpr Kind make_kind_missing_page() {
    Kind kind = make_kind<Wait>();
    kind.begin = [](void*, std::coroutine_handle<> caller) { return caller; };
    kind.end = [](WaitingCall& call) {
      call.kind_ = &kind_again<Wait>;
      return would_block;
    };
    return kind;
  }
  template <class Wait>
  static constexpr Kind kind_of = make_kind<Wait>();
  template <class Wait>
  static constexpr Kind kind_again = make_kind_again<Wait>();
  template <class Wait>
  static constexpr Kind kind_missing_page = make_kind_missing_page<Wait>();

  const Kind* kind_ = nullptr;  // null: empty
  alignas(void*) std::byte wait_[room];
};

/// Awaits a `Wait` on the heap, for which a WaitingCall has too little room.
template <class Wait>
class OnHeap {
 public:
  template <class... Arguments>
  explicit OnHeap(Arguments&&... arguments)
      : wait_{std::make_unique<Wait>(std::forward<Arguments>(arguments)...)} {}

  bool await_ready() { return wait_->await_ready(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    return wait_->await_suspend(awaiter);
  }
  decltype(auto) await_resume() { return wait_->await_resume(); }
  std::coroutine_handle<> again(std::coroutine_handle<> awaiter)
    requires requires(Wait& wait) { wait.again(awaiter); }
  {
    return wait_->again(awaiter);
  }

 private:
  std::unique_ptr<Wait> wait_;
};

/// Base of a program's thread: where the handlers of its system calls leave what the calls wait
/// for.
class SyscallCaller {
 public:
  SyscallCaller() = default;
  SyscallCaller(const SyscallCaller&) = delete;

  /// What the thread's present call waits for. The thread's coroutine awaits it.
  WaitingCall& waiting() { return waiting_; }

  /// For a handler, which returns the error would_block: the call waits for what `make()` returns
  /// (WaitingCall::fill).
  template <class Make>
  [[gnu::always_inline]] std::unexpected<abi::Errno> wait(Make&& make) {
    if (place_ != nullptr) place_->fill(std::forward<Make>(make));
    return std::unexpected(abi::Errno::would_block);
  }

  /// The same for a call that has missed a page (WaitingCall::fill_missing_page).
  template <class Make>
  std::unexpected<abi::Errno> wait_for_page(Make&& make) {
    if (place_ != nullptr) place_->fill_missing_page(std::forward<Make>(make));
    return std::unexpected(abi::Errno::would_block);
  }

  /// Whether the handler that has just returned has left a wait. waiting() does not tell that: the
  /// thread may be inside a self-test. Then waiting() holds the self-test's wait, and the handlers
  /// of further calls have no place for theirs (Elsewhere).
  bool has_left_wait() const { return place_ != nullptr && !place_->empty(); }

  /// While it exists, handlers leave what they wait for in `place` instead of waiting(). Null: they
  /// leave it nowhere, and the caller asks only for an answer at once. No await in between.
  class Elsewhere {
   public:
    Elsewhere(SyscallCaller& caller, WaitingCall* place) : caller_{caller} {
      caller.place_ = place;
    }
    Elsewhere(const Elsewhere&) = delete;
    ~Elsewhere() { caller_.place_ = &caller_.waiting_; }

   private:
    SyscallCaller& caller_;
  };

 private:
  WaitingCall waiting_;
  WaitingCall* place_ = &waiting_;
};

}  // namespace trap
