// The system call instruction and its result.
//
//   auto length = user::call<std::size_t>(abi::Call::read, fd, buffer, size);
//
// A call takes a number and up to six arguments (a private call up to seven), and returns a value,
// or -errno. Arguments can be pointers, integers, enumerations and nullptr. calls.h has typed
// functions for the calls.
#pragma once

#include <abi/errno.h>
#include <abi/numbers.h>
#include <user/machine/system_call.h>

#include <cstddef>
#include <expected>
#include <type_traits>

namespace user {

template <class T>
using Result = std::expected<T, abi::Errno>;

namespace detail {

template <class T>
long word(T value) {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);
  } else {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>,
                  "a system call takes integers, enums and pointers");
    return static_cast<long>(value);
  }
}

}  // namespace detail

// Returns the kernel's result undecoded: a value, or -errno.
template <class... Arguments>
[[gnu::always_inline]] inline long syscall(abi::Call call, Arguments... arguments) {
  static_assert(sizeof...(Arguments) <= 7);
  const long words[7] = {detail::word(arguments)...};
  return machine::system_call<sizeof...(Arguments)>(static_cast<long>(call), words);
}

template <class T>
Result<T> to_result(long answer) {
  if (answer < 0 && answer >= -abi::max_errno) {
    return std::unexpected{static_cast<abi::Errno>(-answer)};
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(answer);
  } else {
    return static_cast<T>(answer);
  }
}

// As syscall(), but decodes the result.
template <class T = void, class... Arguments>
Result<T> call(abi::Call number, Arguments... arguments) {
  return to_result<T>(syscall(number, arguments...));
}

}  // namespace user
