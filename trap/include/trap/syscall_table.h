// The table of system calls: number → typed function.
//
// A handler is one of
//     Value              f(Self&, Arguments…)   it never waits and runs in the caller's coroutine
//     async::Task<Value> f(Self&, Arguments…)   it may wait
// where Value is what ToRegister encodes, usually Result<T>. A call may have both forms: the first
// then tries, and answers `must_wait` where only the second can go on; it has changed nothing then
// (partial save → handler 1 → full save → handler 2). A call that must wait and has no second form
// gives way to others once and has succeeded (sched_yield).
#pragma once

#include <async/task.h>
#include <trap/typed_call.h>
#include <trap/user_context.h>

#include <array>
#include <cstddef>
#include <expected>
#include <utility>

namespace trap {

/// What the trying form of a call returns in place of a result when it has to wait: no error
/// number and no address a program could see.
inline constexpr Register must_wait = Register{1} << 63;

/// Success is the value (0 for void), failure the negative error number; where the error says that
/// the call is to be made again, must_wait.
template <class T, class Error>
  requires std::is_enum_v<Error>
struct ToRegister<std::expected<T, Error>> {
  static constexpr Register encode(const std::expected<T, Error>& result) {
    if (!result) {
      if constexpr (requires { Error::erestart; }) {
        if (result.error() == Error::erestart) return must_wait;
      }
      return static_cast<Register>(-static_cast<std::int64_t>(result.error()));
    }
    if constexpr (std::is_void_v<T>) {
      return 0;
    } else {
      return ToRegister<T>::encode(*result);
    }
  }
};

/// A trying handler's answer: the result, or nothing where the call has to wait.
template <class Value>
struct Attempt {
  bool done;
  Value value;

  Attempt(Value result) : done{true}, value{std::move(result)} {}
  static Attempt wait() { return Attempt{}; }

 private:
  Attempt() : done{false}, value{} {}
};

template <class Value>
struct ToRegister<Attempt<Value>> {
  static Register encode(const Attempt<Value>& attempt) {
    return attempt.done ? ToRegister<Value>::encode(attempt.value) : must_wait;
  }
};

/// A waiting call, with its type forgotten: what it answers is a register. Awaited once.
class [[nodiscard("co_await it")]] WaitingCall {
 public:
  template <class Value>
  explicit WaitingCall(async::Task<Value> task)
      : task_{std::move(task).release()}, take_{&take<Value>} {}
  WaitingCall(const WaitingCall&) = delete;
  ~WaitingCall() {
    if (task_) task_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const {
    async::PromiseBase::of(task_).set_parent(caller);
    return task_;
  }
  Register await_resume() { return take_(std::exchange(task_, nullptr)); }

 private:
  template <class Value>
  static Register take(std::coroutine_handle<> task) {
    const auto typed = std::coroutine_handle<async::Promise<Value>>::from_address(task.address());
    const Register result = ToRegister<Value>::encode(typed.promise().take());
    typed.destroy();
    return result;
  }

  std::coroutine_handle<> task_;
  Register (*take_)(std::coroutine_handle<>);
};

/// What a call that answers at once may do, and see.
enum class CallForm : std::uint8_t {
  any,        ///< may make somebody ready, or end the caller
  question,   ///< answers, and changes nothing that others run by
  registers,  ///< has to do with registers of the caller's that are no arguments
};

template <class Self>
struct SyscallEntry {
  using Now = Register (*)(Self&, const UserContext&);
  using Wait = WaitingCall (*)(Self&, const UserContext&);

  Now now = always_wait;
  Wait wait = nullptr;
  CallForm form = CallForm::any;

  static Register always_wait(Self&, const UserContext&) { return must_wait; }
};

namespace detail {

template <class Self, auto Handler>
struct Binding;

template <class Self, class Value, class... Arguments, Value (*Handler)(Self&, Arguments...)>
  requires ResultValue<Value> && ArgumentList<Arguments...>
struct Binding<Self, Handler> {
  static Register now(Self& self, const UserContext& context) {
    auto arguments = decode_arguments<Arguments...>(context.syscall_arguments());
    return std::apply(
        [&](auto&&... argument) {
          return ToRegister<Value>::encode(Handler(self, std::move(argument)...));
        },
        std::move(arguments));
  }
  static constexpr void bind(SyscallEntry<Self>& entry) { entry.now = now; }
};

template <class Self, class Value, class... Arguments,
          async::Task<Value> (*Handler)(Self&, Arguments...)>
  requires ResultValue<Value> && ArgumentList<Arguments...>
struct Binding<Self, Handler> {
  template <std::size_t... I>
  static async::Task<Value> call(Self& self, const Register* registers, std::index_sequence<I...>) {
    constexpr auto first = first_registers<Arguments...>();
    return Handler(self, FromRegisters<Arguments>::decode(registers + first[I])...);
  }
  static WaitingCall wait(Self& self, const UserContext& context) {
    return WaitingCall{
        call(self, context.syscall_arguments(), std::index_sequence_for<Arguments...>{})};
  }
  static constexpr void bind(SyscallEntry<Self>& entry) { entry.wait = wait; }
};

template <class Self, auto Handler>
concept Bindable = requires(SyscallEntry<Self>& entry) { Binding<Self, Handler>::bind(entry); };

}  // namespace detail

/// A table of `Size` calls, built at compile time:
///
///     constexpr auto table = SyscallTable<Thread, 512>{unknown_call}
///         .with<getpid>(abi::Call::getpid)
///         .with<try_read, read>(abi::Call::read);
///
///     .with_question<getpid>(…) says what it may do (CallForm).
///
/// Every number a program may come up with has an entry: `unknown` answers where there is no call.
template <class Self, std::size_t Size>
class SyscallTable {
 public:
  explicit constexpr SyscallTable(SyscallEntry<Self>::Now unknown)
      : SyscallTable{unknown, {.now = unknown}} {}
  /// … and another answer for numbers from Size on.
  constexpr SyscallTable(SyscallEntry<Self>::Now unknown, SyscallEntry<Self> beyond) {
    for (SyscallEntry<Self>& entry : entries_) entry.now = unknown;
    entries_[Size] = beyond;
  }

  /// Every number has the same answer.
  explicit constexpr SyscallTable(SyscallEntry<Self> all) { entries_.fill(all); }

  /// Does not compile for what is not a handler (see above).
  template <auto... Handlers, class Number>
    requires(detail::Bindable<Self, Handlers> && ...)
  constexpr SyscallTable with(Number number, CallForm form = CallForm::any) const {
    SyscallTable table = *this;
    auto& entry = table.entries_[static_cast<std::size_t>(number)];
    entry = {.form = form};
    (detail::Binding<Self, Handlers>::bind(entry), ...);
    return table;
  }
  template <auto Handler, class Number>
  constexpr SyscallTable with_question(Number number) const {
    return with<Handler>(number, CallForm::question);
  }
  template <auto... Handlers, class Number>
  constexpr SyscallTable with_registers(Number number) const {
    return with<Handlers...>(number, CallForm::registers);
  }

  constexpr const SyscallEntry<Self>& operator[](std::uint64_t number) const {
    return entries_[number < Size ? number : Size];
  }

 private:
  std::array<SyscallEntry<Self>, Size + 1> entries_{};
};

}  // namespace trap
