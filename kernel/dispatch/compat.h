// Compat system calls: calls with the numbers of this machine's Linux, if those are not the
// kernel's (riscv64's). The kernel adds abi::first_compat_call to each.
#pragma once

#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

#include "process/syscall_table.h"

namespace kernel {

/// Whether `number` is a compat number. The functions below need one.
bool is_compat_call(std::uint64_t number);
/// The handler of all compat calls.
trap::Register compat_call(Thread& self, const trap::UserContext& context);
/// The name for the log; empty if it is not known.
std::string_view name_of_compat_call(std::uint64_t number);

}  // namespace kernel
