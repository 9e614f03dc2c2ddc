// The table of system calls: number → typed function.
//
// A handler has one of these forms:
//     Value              f(Self&, Arguments…)   fast: never waits
//     async::Task<Value> f(Self&, Arguments…)   blocking: may wait
//     WaitingCall        f(Self&, Arguments…)   blocking: may wait, with or without a coroutine
// Value is a type that ToRegister encodes, usually Result<T>. A call may have a fast and a blocking
// handler (AsyncTrap's handler1 and handler2). The fast one tries. If it returns `would_block`, it
// must have changed nothing, and the blocking one is called before anything else runs. A call that
// returns `would_block` and has no blocking handler yields once and succeeds with 0 (sched_yield).
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

/// The form of a call says which effects its fast handler may have. After the handler the fast path
/// checks only what the form requires.
enum class CallForm : std::uint8_t {
  any,         ///< may make another job ready, or end the caller
  no_resched,  ///< makes no job ready and ends no thread: no scheduling decision follows
  registers,   ///< accesses registers of the caller besides the arguments: it has no fast path
  yields,      ///< like no_resched, and would_block means: yield once. Needs no page-in.
};

template <class Self>
struct SyscallEntry {
  using Now = Register (*)(Self&, const UserContext&);
  using Wait = WaitingCall (*)(Self&, const UserContext&);

  Now now = always_blocks;
  Wait wait = nullptr;
  CallForm form = CallForm::any;

  static Register always_blocks(Self&, const UserContext&) { return would_block; }
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
/// with_no_resched() and with_registers() set the CallForm. Every number has an entry: `unknown`
/// handles the numbers without a call.
template <class Self, std::size_t Size>
class SyscallTable {
 public:
  explicit constexpr SyscallTable(SyscallEntry<Self>::Now unknown)
      : SyscallTable{unknown, {.now = unknown}} {}
  /// `beyond` handles the numbers from Size on.
  constexpr SyscallTable(SyscallEntry<Self>::Now unknown, SyscallEntry<Self> beyond) {
    for (SyscallEntry<Self>& entry : entries_) entry.now = unknown;
    entries_[Size] = beyond;
  }

  /// `all` handles every number.
  explicit constexpr SyscallTable(SyscallEntry<Self> all) { entries_.fill(all); }

  /// Adds the call `number`. Handlers that have none of the forms above do not compile.
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
  constexpr SyscallTable with_no_resched(Number number) const {
    return with<Handler>(number, CallForm::no_resched);
  }
  template <auto... Handlers, class Number>
  constexpr SyscallTable with_registers(Number number) const {
    return with<Handlers...>(number, CallForm::registers);
  }

  /// Adds the call `number` with functions that take the registers undecoded.
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
