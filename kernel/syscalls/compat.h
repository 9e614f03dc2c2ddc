// System calls with the numbers of another processor's Linux (abi::first_compat_call): the
// machine's own, where that is not the one whose numbers are the kernel's.
#pragma once

#include <trap/syscall_table.h>
#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

namespace kernel {

class Thread;

/// Whether `number` is one of those, with what the kernel has added; the others take such numbers.
bool is_compat_call(std::uint64_t number);
/// For a context with such a number.
trap::Register try_compat_call(Thread& self, const trap::UserContext& context);
trap::WaitingCall compat_call(Thread& self, const trap::UserContext& context);
/// For the log; empty for one that has no name here.
std::string_view name_of_compat_call(std::uint64_t number);

}  // namespace kernel
