// System calls that one source adds. The table of calls (dispatch/all_calls.h) is built by the
// compiler, with a fast path for each call, and so it names its calls. A call that need not be as
// fast adds itself here:
//
//     /// linux: none known
//     Result<> frobnicate(Thread&, std::uint64_t number) { … }  // in namespace sys
//     KERNEL_CALL(frobnicate, sys::frobnicate);
//
// The kernel treats its number as unknown until the hart is in the strand, and then looks it up.
// The handler may read the call's arguments, but no other register of the caller.
#pragma once

#include <abi/numbers.h>
#include <async/registry.h>
#include <trap/syscall_table.h>

#include <cstdint>

#include "process/syscall_table.h"  // so that handlers can have its types
#include "process/thread.h"

namespace kernel {

struct RegisteredCall {
  using Handler = trap::SyscallEntry<Thread>::Handler;

  const char* name;
  std::uint64_t number;
  Handler answer;
};

async::Registry<RegisteredCall> registered_calls();

template <auto handler, std::size_t registers>
  requires trap::detail::Bindable<Thread, handler, registers>
inline constexpr RegisteredCall::Handler answer_registered =
    trap::detail::Binding<Thread, handler>::answer;

/// The calls that can be registered: Linux's calls with numbers below linux_calls, and private
/// calls with offsets below registered_private_calls.
inline constexpr std::uint64_t linux_calls = 512;
inline constexpr std::uint64_t registered_private_calls = 64;

/// Adds Linux's call `call_name` of abi/numbers.h, in namespace kernel. `handler` has one of the
/// forms of trap/syscall_table.h. Two calls of one name are an error of the linker; a call that the
/// table has too is a panic at boot.
#define KERNEL_CALL(call_name, handler)                             \
  constexpr RegisteredCall registered_##call_name{                  \
      #call_name, static_cast<std::uint64_t>(abi::Call::call_name), \
      answer_registered<handler, trap::linux_argument_registers>};  \
  static_assert(registered_##call_name.number < linux_calls);       \
  ASYNC_REGISTER(cotrap_calls, #call_name, registered_##call_name)

/// Adds the private call abi::first_private_call + `offset`, a decimal literal. Two calls
/// of one number are an error of the linker.
#define KERNEL_PRIVATE_CALL(offset, call_name, handler)      \
  constexpr RegisteredCall registered_##call_name{           \
      #call_name, abi::first_private_call + offset,          \
      answer_registered<handler, trap::argument_registers>}; \
  static_assert(offset < registered_private_calls);          \
  ASYNC_REGISTER(cotrap_calls, "private." #offset, registered_##call_name)

}  // namespace kernel
