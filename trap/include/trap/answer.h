// What a system call answers, as a register; or that it has to wait before it can.
#pragma once

#include <trap/typed_call.h>

#include <expected>
#include <type_traits>
#include <utility>

namespace trap {

/// In place of a result: the call has to wait. No error number and no address a program could see.
inline constexpr Register must_wait = Register{1} << 63;

/// Success is the value (0 for void), failure the negative error number; where the error says that
/// the call is to be made again, must_wait.
template <class T, class Error>
  requires std::is_enum_v<Error>
struct ToRegister<std::expected<T, Error>> {
  static constexpr Register encode(const std::expected<T, Error>& result) {
    if (!result) {
      if constexpr (requires { Error::erestart; }) {
        if (result.error() == Error::erestart) return must_wait;
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

/// The answer of a call that tries: the result, or nothing where it has to wait. As a register from
/// the start: one word goes back through all that lies between the call and the program.
template <class Value>
class Attempt {
 public:
  Attempt(const Value& result) : register_{ToRegister<Value>::encode(result)} {}
  static Attempt wait() { return Attempt{}; }

 private:
  friend ToRegister<Attempt>;
  Attempt() : register_{must_wait} {}

  Register register_;
};

template <class Value>
struct ToRegister<Attempt<Value>> {
  static Register encode(const Attempt<Value>& attempt) { return attempt.register_; }
};

}  // namespace trap
