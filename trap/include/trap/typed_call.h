// A system call is an ordinary typed function: its signature is the decoding of the registers.
//
//     UserContext context;
//     TypedCall<std::size_t(std::uint32_t, const std::uint8_t*)> call{context};
//     auto [a, b] = call.arguments();
//     call.set_result(a + reinterpret_cast<std::size_t>(b));
//
// A type takes part by being one register wide, or by specialising FromRegisters (arguments) and
// ToRegister (results). A signature with a type that cannot be decoded, or with more registers than
// the ABI has, does not compile.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace trap {

using Register = std::uint64_t;

/// Registers the system call ABI passes arguments in: a0 … a5.
inline constexpr std::size_t argument_registers = 6;

/// How a value of T is made from `count` consecutive registers.
template <class T>
struct FromRegisters;

template <class T>
  requires std::integral<T> || std::is_enum_v<T>
struct FromRegisters<T> {
  static constexpr std::size_t count = 1;
  static constexpr T decode(const Register* in) { return static_cast<T>(in[0]); }
};

template <class T>
struct FromRegisters<T*> {
  static constexpr std::size_t count = 1;
  static T* decode(const Register* in) { return reinterpret_cast<T*>(in[0]); }
};

/// How a result of type T goes into a0.
template <class T>
struct ToRegister;

template <class T>
  requires std::integral<T> || std::is_enum_v<T>
struct ToRegister<T> {
  // Narrow signed values are sign-extended, as the calling convention has them.
  static constexpr Register encode(T value) {
    return static_cast<Register>(static_cast<std::int64_t>(value));
  }
};

template <class T>
struct ToRegister<T*> {
  static Register encode(T* value) { return reinterpret_cast<Register>(value); }
};

template <class T>
concept Argument = requires(const Register* in) {
  { FromRegisters<T>::count } -> std::convertible_to<std::size_t>;
  { FromRegisters<T>::decode(in) } -> std::same_as<T>;
};

template <class T>
concept ResultValue = std::is_void_v<T> || requires(T value) {
  { ToRegister<T>::encode(std::move(value)) } -> std::same_as<Register>;
};

/// Registers that a list of argument types takes.
template <Argument... Arguments>
inline constexpr std::size_t registers_of =
    (std::size_t{0} + ... + FromRegisters<Arguments>::count);

template <class... Arguments>
concept ArgumentList =
    (Argument<Arguments> && ...) && registers_of<Arguments...> <= argument_registers;

namespace detail {

/// The register index each argument starts at.
template <class... Arguments>
consteval auto first_registers() {
  std::array<std::size_t, sizeof...(Arguments) + 1> first{};
  const std::size_t counts[] = {FromRegisters<Arguments>::count..., 0};
  for (std::size_t i = 0; i < sizeof...(Arguments); ++i) first[i + 1] = first[i] + counts[i];
  return first;
}

}  // namespace detail

/// The arguments, decoded from consecutive registers.
template <class... Arguments>
  requires ArgumentList<Arguments...>
std::tuple<Arguments...> decode_arguments(const Register* registers) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    constexpr auto first = detail::first_registers<Arguments...>();
    return std::tuple<Arguments...>{FromRegisters<Arguments>::decode(registers + first[I])...};
  }(std::index_sequence_for<Arguments...>{});
}

/// A typed view of a context that has just made a system call.
template <class Signature, class Context>
class TypedCall;

template <ResultValue Value, class... Arguments, class Context>
  requires ArgumentList<Arguments...>
class TypedCall<Value(Arguments...), Context> {
 public:
  explicit TypedCall(Context& context) : context_{context} {}

  std::tuple<Arguments...> arguments() const {
    return decode_arguments<Arguments...>(context_.syscall_arguments());
  }

  /// Nothing to call where the function returns nothing.
  template <std::same_as<Value> Result>
  void set_result(Result value) {
    context_.set_syscall_result(ToRegister<Value>::encode(std::move(value)));
  }

 private:
  Context& context_;
};

}  // namespace trap
