// The table of system calls: number → typed function.
//
// A handler has one of these forms:
//     Value              f(Self&, Arguments…)   never waits
//     Answer<Value>      f(Self&, Arguments…)   may have to wait
//     async::Task<Value> f(Self&, Arguments…)   always waits
// Value is a type that ToRegister encodes, usually Result<T>. Self derives from SyscallCaller. A
// handler that returns `would_block` has changed nothing. It may have left a wait by
// SyscallCaller::wait(), which the thread's coroutine awaits. If it has left none, the call needs a
// page-in first, and is then made again (RepeatableCall).
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

/// The form of a call says which effects its handler may have. After the handler the fast path
/// checks only what the form requires.
enum class CallForm : std::uint8_t {
  any,           ///< may make another job ready, or end the caller
  no_resched,    ///< makes no job ready and ends no thread: no scheduling decision follows
  no_strand,     ///< like no_resched, and reads only the caller's own state and single atomic words
  no_fast_path,  ///< accesses registers of the caller besides the arguments, always waits, or is
                 ///< rare
};

template <class Self>
struct SyscallEntry {
  /// The handler with undecoded arguments: returns the result, or would_block.
  using Handler = Register (*)(Self&, const UserContext&);

  Handler answer = nullptr;
  CallForm form = CallForm::any;
};

namespace detail {

template <class Self, auto Handler>
struct Binding;

template <class Self, class Value, class... Arguments, Value (*Handler)(Self&, Arguments...)>
  requires ResultValue<Value> && ArgumentList<Arguments...>
struct Binding<Self, Handler> {
  static constexpr std::size_t registers = registers_of<Arguments...>;
  [[gnu::always_inline]] static Register answer(Self& self, const UserContext& context) {
    return std::apply(
        [&](auto&&... argument) {
          return ToRegister<Value>::encode(Handler(self, std::move(argument)...));
        },
        decode_arguments<Arguments...>(context.syscall_arguments()));
  }
};

template <class Self, class Value, class... Arguments,
          async::Task<Value> (*Handler)(Self&, Arguments...)>
  requires ResultValue<Value> && ArgumentList<Arguments...>
struct Binding<Self, Handler> {
  static constexpr std::size_t registers = registers_of<Arguments...>;
  static constexpr bool returns_task = true;
  static Register answer(Self& self, const UserContext& context) {
    static_cast<void>(self.wait([&] {
      return std::apply([&](auto&&... argument) { return Handler(self, std::move(argument)...); },
                        decode_arguments<Arguments...>(context.syscall_arguments()));
    }));
    return would_block;
  }
};

/// Whether the handler returns a plain number, and so cannot return would_block.
template <class Self, auto Handler>
inline constexpr bool never_blocks = false;
template <class Self, std::integral Value, class... Arguments,
          Value (*Handler)(Self&, Arguments...)>
inline constexpr bool never_blocks<Self, Handler> = true;

/// Whether Handler has one of the forms above, and needs at most `most` registers for arguments.
template <class Self, auto Handler, std::size_t most = argument_registers>
concept Bindable =
    requires { &Binding<Self, Handler>::answer; } && (Binding<Self, Handler>::registers <= most);

}  // namespace detail

/// Calls `Handler` with the decoded arguments of the call in `context`.
template <class Self, auto Handler>
Register answer_with(Self& self, const UserContext& context) {
  return detail::Binding<Self, Handler>::answer(self, context);
}

/// A table of `Size` calls, built at compile time:
///
///     constexpr auto table = SyscallTable<Thread, 512>{unknown_call}
///         .with<getpid>(abi::Call::getpid)
///         .with<read>(abi::Call::read);
///
/// with_no_resched(), with_no_strand() and with_no_fast_path() set the CallForm; with_outside()
/// adds a form of the handler for callers outside the strand. Every number has an entry: `unknown`
/// handles the numbers without a call. A handler that needs more than `ArgumentRegisters` registers
/// does not compile.
template <class Self, std::size_t Size, std::size_t ArgumentRegisters = linux_argument_registers>
class SyscallTable {
 public:
  explicit constexpr SyscallTable(SyscallEntry<Self>::Handler unknown)
      : SyscallTable{unknown, unknown} {}
  /// `beyond` handles the numbers from Size on.
  constexpr SyscallTable(SyscallEntry<Self>::Handler unknown, SyscallEntry<Self>::Handler beyond) {
    for (SyscallEntry<Self>& entry : entries_) entry.answer = unknown;
    entries_[Size].answer = beyond;
  }

  /// Adds the call `number`. A handler that has none of the forms above does not compile.
  template <auto Handler, class Number>
    requires detail::Bindable<Self, Handler, ArgumentRegisters>
  constexpr SyscallTable with(Number number, CallForm form = CallForm::any) const {
    using Binding = detail::Binding<Self, Handler>;
    if (requires { Binding::returns_task; }) form = CallForm::no_fast_path;
    return with_entry(number, {.answer = Binding::answer, .form = form});
  }
  template <auto Handler, class Number>
  constexpr SyscallTable with_no_resched(Number number) const {
    return with<Handler>(number, CallForm::no_resched);
  }
  template <auto Handler, class Number>
  constexpr SyscallTable with_no_strand(Number number) const {
    static_assert(detail::never_blocks<Self, Handler>);
    return with<Handler>(number, CallForm::no_strand);
  }
  template <auto Handler, class Number>
  constexpr SyscallTable with_no_fast_path(Number number) const {
    return with<Handler>(number, CallForm::no_fast_path);
  }

  /// Like with(). If several harts run, the kernel calls `Outside` first, outside the strand; it
  /// may share the strand. If `Outside` returns would_block and has left no wait, the kernel calls
  /// `Handler` in the strand. Both have the same arguments. A call that ends a thread needs the
  /// form no_fast_path.
  template <auto Handler, auto Outside, class Number>
    requires detail::Bindable<Self, Handler, ArgumentRegisters>
  constexpr SyscallTable with_outside(Number number, CallForm form = CallForm::any) const {
    SyscallTable table =
        with_entry(number, {.answer = detail::Binding<Self, Handler>::answer, .form = form});
    table.outside_[static_cast<std::size_t>(number)] = detail::Binding<Self, Outside>::answer;
    return table;
  }

  /// The same with Outside<Handler>::answer.
  template <auto Handler, template <auto> class Outside, class Number>
  constexpr SyscallTable with_outside(Number number, CallForm form = CallForm::any) const {
    return with_outside<Handler, Outside<Handler>::answer>(number, form);
  }

  /// Adds the call `number` with a handler that takes the registers undecoded.
  template <class Number>
  constexpr SyscallTable with_entry(Number number, SyscallEntry<Self> entry) const {
    SyscallTable table = *this;
    table.entries_[static_cast<std::size_t>(number)] = entry;
    return table;
  }

  constexpr const SyscallEntry<Self>& operator[](std::uint64_t number) const {
    return entries_[number < Size ? number : Size];
  }
  /// Tries to answer the call outside the strand; would_block: make it in the strand. Null if the
  /// call has no such handler. Used if several harts run.
  constexpr SyscallEntry<Self>::Handler outside(std::uint64_t number) const {
    return outside_[number < Size ? number : Size];
  }

 private:
  std::array<SyscallEntry<Self>, Size + 1> entries_{};
  std::array<typename SyscallEntry<Self>::Handler, Size + 1> outside_{};
};

}  // namespace trap
