// Evaluates the expressions of $((…)): C's operators on 64-bit integers, without assignments.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace shell {

// Returns a variable's value; empty counts as 0.
using ValueOf = std::function<std::string(std::string_view name)>;

// Integers overflow as two's complement. The error is a message for users: a syntax error, a
// division by zero, a variable that is no number.
std::expected<std::int64_t, std::string> evaluate(std::string_view expression,
                                                  const ValueOf& value);

// A whole text as an integer: decimal, octal (0…) or hexadecimal (0x…), with a sign.
std::expected<std::int64_t, std::string> to_integer(std::string_view text);

}  // namespace shell
