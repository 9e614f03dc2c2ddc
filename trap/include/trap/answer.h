// The result of a system call as a register, or would_block if the call has to wait first.
#pragma once

#include <trap/typed_call.h>

#include <expected>
#include <type_traits>
#include <utility>

namespace trap {

/// The result of a call that must wait. It is neither a negative error number nor a user address.
inline constexpr Register would_block = Register{1} << 63;

/// Encodes a value as itself (0 for void) and an error as its negative number. ERESTART becomes
/// would_block: the call must be restarted.
template <class T, class Error>
  requires std::is_enum_v<Error>
struct ToRegister<std::expected<T, Error>> {
  static constexpr Register encode(const std::expected<T, Error>& result) {
    if (!result) {
      if constexpr (requires { Error::erestart; }) {
        if (result.error() == Error::erestart) return would_block;
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

/// The return type of a fast handler: a result, or wait() if the call would block. It holds the
/// encoded register, so only one word is passed on.
template <class Value>
class Attempt {
 public:
  Attempt(const Value& result) : register_{ToRegister<Value>::encode(result)} {}
  static Attempt wait() { return Attempt{}; }

 private:
  friend ToRegister<Attempt>;
  Attempt() : register_{would_block} {}

  Register register_;
};

template <class Value>
struct ToRegister<Attempt<Value>> {
  static Register encode(const Attempt<Value>& attempt) { return attempt.register_; }
};

}  // namespace trap
