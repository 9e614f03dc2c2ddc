// The result of a system call as a register, or would_block if the call has to wait first.
#pragma once

#include <trap/typed_call.h>

#include <expected>
#include <type_traits>
#include <utility>

namespace trap {

/// Returned instead of a result: the call has to wait. The value is neither an error number nor an
/// address that a program could have.
inline constexpr Register would_block = Register{1} << 63;

/// Success is the value (0 for void), failure the negative error number. ERESTART becomes
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

/// The return type of a handler that tries: the result, or wait() if the call has to wait. It holds
/// the encoded register, so that one word is passed from the handler to the program.
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
