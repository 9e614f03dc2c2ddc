// System calls as typed functions: the signature says how the registers are decoded.
//
//     UserContext context;
//     TypedCall<std::size_t(std::uint32_t, const std::uint8_t*)> call{context};
//     auto [a, b] = call.arguments();
//     call.set_result(a + reinterpret_cast<std::size_t>(b));
//
// A type takes part if it is an integer, an enumeration or a pointer, or if it specialises
// FromRegisters (arguments) or ToRegister (results). A signature does not compile if a type cannot
// be decoded or if it needs more registers than the ABI has.
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

/// The number of registers that pass arguments (riscv64: a0 … a6). Linux's calls use the first six;
/// the seventh is for private calls (abi/numbers.h).
inline constexpr std::size_t argument_registers = 7;
inline constexpr std::size_t linux_argument_registers = 6;

/// Decodes a T from `count` consecutive registers.
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

/// Encodes a result of type T for the result register (riscv64: a0).
template <class T>
struct ToRegister;

template <class T>
  requires std::integral<T> || std::is_enum_v<T>
struct ToRegister<T> {
  // Narrow signed values are sign-extended, as the calling convention requires.
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

/// The number of registers that the argument types need.
template <Argument... Arguments>
inline constexpr std::size_t registers_of =
    (std::size_t{0} + ... + FromRegisters<Arguments>::count);

template <class... Arguments>
concept ArgumentList =
    (Argument<Arguments> && ...) && registers_of<Arguments...> <= argument_registers;

namespace detail {

/// The index of the first register of each argument.
template <class... Arguments>
consteval auto first_registers() {
  std::array<std::size_t, sizeof...(Arguments) + 1> first{};
  const std::size_t counts[] = {FromRegisters<Arguments>::count..., 0};
  for (std::size_t i = 0; i < sizeof...(Arguments); ++i) first[i + 1] = first[i] + counts[i];
  return first;
}

}  // namespace detail

/// Decodes the arguments from consecutive registers.
template <class... Arguments>
  requires ArgumentList<Arguments...>
std::tuple<Arguments...> decode_arguments(const Register* registers) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    constexpr auto first = detail::first_registers<Arguments...>();
    return std::tuple<Arguments...>{FromRegisters<Arguments>::decode(registers + first[I])...};
  }(std::index_sequence_for<Arguments...>{});
}

/// A typed view of a context that has made a system call.
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

  /// Not callable if the function returns void.
  template <std::same_as<Value> Result>
  void set_result(Result value) {
    context_.set_syscall_result(ToRegister<Value>::encode(std::move(value)));
  }

 private:
  Context& context_;
};

}  // namespace trap
