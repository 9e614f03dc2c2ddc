// The result of a system call as a register, or would_block if the call has to wait first.
#pragma once

#include <abi/errno.h>
#include <trap/typed_call.h>

#include <expected>
#include <type_traits>
#include <utility>

namespace trap {

/// Encodes an error as its negative number.
template <class Error>
  requires std::is_enum_v<Error>
constexpr Register encode_error(Error error) {
  return static_cast<Register>(-static_cast<std::int64_t>(error));
}

/// The error would_block as a register, in place of a result: the call must wait. One instruction
/// loads it.
inline constexpr Register would_block = encode_error(abi::Errno::would_block);

/// Encodes a value as itself (0 for void) and an error as its negative number.
template <class T, class Error>
  requires std::is_enum_v<Error>
struct ToRegister<std::expected<T, Error>> {
  static constexpr Register encode(const std::expected<T, Error>& result) {
    if (!result) [[unlikely]]
      return encode_error(result.error());
    if constexpr (std::is_void_v<T>) {
      return 0;
    } else {
      return ToRegister<T>::encode(*result);
    }
  }
};

/// What a handler returns that may have to wait: a result, or the error would_block. It holds the
/// encoded register, so only one word is passed on.
template <class Value>
class Answer {
 public:
  template <class Result>
    requires std::is_convertible_v<Result, Value>
  Answer(Result&& result) : register_{ToRegister<Value>::encode(std::forward<Result>(result))} {}
  Answer(std::unexpected<abi::Errno> error) : register_{encode_error(error.error())} {}

  /// Whether it is would_block.
  bool blocks() const { return register_ == would_block; }
  /// Whether it is this error.
  template <class Error>
    requires std::is_enum_v<Error>
  bool is(Error error) const {
    return register_ == encode_error(error);
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
