// The system call instruction and its answer.
//
//   auto length = user::call<std::size_t>(abi::Call::read, fd, buffer, size);
//
// It takes a number and up to six arguments, and brings back a value, or -errno. Pointers,
// integers, enumerations and nullptr may be arguments. calls.h gives the calls their types.
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
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>, "a register holds no such thing");
    return static_cast<long>(value);
  }
}

}  // namespace detail

// The bare call: what a0 held afterwards.
template <class... Arguments>
[[gnu::always_inline]] inline long syscall(abi::Call call, Arguments... arguments) {
  static_assert(sizeof...(Arguments) <= 6);
  const long words[6] = {detail::word(arguments)...};
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

// The same with the answer decoded.
template <class T = void, class... Arguments>
Result<T> call(abi::Call number, Arguments... arguments) {
  return to_result<T>(syscall(number, arguments...));
}

}  // namespace user
