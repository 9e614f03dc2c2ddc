// The system call instruction and its answer.
//
//   auto length = user::call<std::size_t>(abi::Call::read, fd, buffer, size);
//
// a7 takes the number, a0–a5 the arguments; a0 brings back a value, or -errno. Pointers, integers,
// enumerations and nullptr may be arguments. calls.h gives the calls their types.
#pragma once

#include <abi/errno.h>
#include <abi/numbers.h>

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

// The argument registers that a call does not use are left alone, so that it costs nothing to have
// six.
template <std::size_t count>
[[gnu::always_inline]] inline long ecall(long number, const long (&arguments)[6]) {
  register long a7 asm("a7") = number;
  if constexpr (count == 0) {
    register long a0 asm("a0");
    asm volatile("ecall" : "=r"(a0) : "r"(a7) : "memory");
    return a0;
  } else {
    register long a0 asm("a0") = arguments[0];
    if constexpr (count == 1) {
      asm volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    } else {
      register long a1 asm("a1") = arguments[1];
      if constexpr (count == 2) {
        asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1) : "memory");
      } else {
        register long a2 asm("a2") = arguments[2];
        if constexpr (count == 3) {
          asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
        } else {
          register long a3 asm("a3") = arguments[3];
          register long a4 asm("a4") = arguments[4];
          register long a5 asm("a5") = arguments[5];
          asm volatile("ecall"
                       : "+r"(a0)
                       : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                       : "memory");
        }
      }
    }
    return a0;
  }
}

}  // namespace detail

// The bare call: what a0 held afterwards.
template <class... Arguments>
[[gnu::always_inline]] inline long syscall(abi::Call call, Arguments... arguments) {
  static_assert(sizeof...(Arguments) <= 6);
  const long words[6] = {detail::word(arguments)...};
  return detail::ecall<sizeof...(Arguments)>(static_cast<long>(call), words);
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
