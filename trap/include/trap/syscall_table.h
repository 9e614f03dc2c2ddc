// The table of system calls: number → typed function.
//
// A handler is one of
//     Value              f(Self&, Arguments…)   it never waits and runs in the caller's coroutine
//     async::Task<Value> f(Self&, Arguments…)   it may wait
//     WaitingCall        f(Self&, Arguments…)   it may wait, in a coroutine or without one
// where Value is what ToRegister encodes, usually Result<T>. A call may have both forms: the first
// then tries, and answers `must_wait` where only the second can go on; it has changed nothing then
// (partial save → handler 1 → full save → handler 2), and nobody else has when the second begins. A
// call that must wait and has no second form gives way to others once and has succeeded
// (sched_yield).
#pragma once

#include <async/task.h>
#include <trap/answer.h>
#include <trap/typed_call.h>
#include <trap/user_context.h>
#include <trap/waiting_call.h>

#include <array>
#include <cstddef>
#include <utility>

namespace trap {

/// What a call that answers at once may do, and see.
enum class CallForm : std::uint8_t {
  any,        ///< may make somebody ready, or end the caller
  question,   ///< answers, and changes nothing that others run by
  registers,  ///< has to do with registers of the caller's that are no arguments
  gives_way,  ///< a question that waits for nothing but its turn, and for no page
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
  [[gnu::always_inline]] static Register now(Self& self, const UserContext& context) {
    auto arguments = decode_arguments<Arguments...>(context.syscall_arguments());
    return std::apply(
        [&](auto&&... argument) {
          return ToRegister<Value>::encode(Handler(self, std::move(argument)...));
        },
        std::move(arguments));
  }
  static constexpr void bind(SyscallEntry<Self>& entry) { entry.now = now; }
};

template <class Self, class Made, auto Handler, class... Arguments>
struct WaitingBinding {
  template <std::size_t... I>
  static Made call(Self& self, const Register* registers, std::index_sequence<I...>) {
    constexpr auto first = first_registers<Arguments...>();
    return Handler(self, FromRegisters<Arguments>::decode(registers + first[I])...);
  }
  static WaitingCall wait(Self& self, const UserContext& context) {
    return WaitingCall(
        call(self, context.syscall_arguments(), std::index_sequence_for<Arguments...>{}));
  }
  static constexpr void bind(SyscallEntry<Self>& entry) { entry.wait = wait; }
};

template <class Self, class Value, class... Arguments,
          async::Task<Value> (*Handler)(Self&, Arguments...)>
  requires ResultValue<Value> && ArgumentList<Arguments...>
struct Binding<Self, Handler> : WaitingBinding<Self, async::Task<Value>, Handler, Arguments...> {};

template <class Self, class... Arguments, WaitingCall (*Handler)(Self&, Arguments...)>
  requires ArgumentList<Arguments...>
struct Binding<Self, Handler> : WaitingBinding<Self, WaitingCall, Handler, Arguments...> {};

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

  /// An entry whose functions take the registers as they are.
  template <class Number>
  constexpr SyscallTable with_entry(Number number, SyscallEntry<Self> entry) const {
    SyscallTable table = *this;
    table.entries_[static_cast<std::size_t>(number)] = entry;
    return table;
  }

  constexpr const SyscallEntry<Self>& operator[](std::uint64_t number) const {
    return entries_[number < Size ? number : Size];
  }

 private:
  std::array<SyscallEntry<Self>, Size + 1> entries_{};
};

}  // namespace trap
