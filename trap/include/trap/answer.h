// The result of a system call as a register, or would_block if the call has to wait first.
#pragma once

#include <trap/typed_call.h>

#include <expected>
#include <type_traits>
#include <utility>

namespace trap {

/// In place of a result: the call must wait. As a register it is no user address, and below all
/// negative error numbers, the least of which is -4095. One instruction loads it.
struct WouldBlock {
  constexpr operator Register() const { return Register{0} - 4096; }
};
inline constexpr WouldBlock would_block;

/// Encodes a value as itself (0 for void) and an error as its negative number. The error
/// would_block becomes the register of this name.
template <class T, class Error>
  requires std::is_enum_v<Error>
struct ToRegister<std::expected<T, Error>> {
  static constexpr Register encode(const std::expected<T, Error>& result) {
    if (!result) {
      if constexpr (requires { Error::would_block; }) {
        if (result.error() == Error::would_block) return would_block;
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

/// What a handler returns that may have to wait: a result, or would_block. It holds the encoded
/// register, so only one word is passed on.
template <class Value>
class Answer {
 public:
  template <class Result>
    requires std::is_convertible_v<Result, Value>
  Answer(Result&& result) : register_{ToRegister<Value>::encode(std::forward<Result>(result))} {}
  Answer(WouldBlock) : register_{trap::would_block} {}

  /// Whether it is would_block.
  bool blocks() const { return register_ == trap::would_block; }
  /// Whether it is this error.
  template <class Error>
    requires std::is_enum_v<Error>
  bool is(Error error) const {
    return register_ == static_cast<Register>(-static_cast<std::int64_t>(error));
  }

 private:
  friend ToRegister<Answer>;

  Register register_;
};

/// Whether a handler that returns a `Value` may leave a wait.
template <class Value>
inline constexpr bool may_wait = false;
template <class Value>
inline constexpr bool may_wait<Answer<Value>> = true;

template <class Value>
struct ToRegister<Answer<Value>> {
  static Register encode(const Answer<Value>& answer) { return answer.register_; }
};

}  // namespace trap
