#include "arithmetic.h"

#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace shell;

namespace {

std::expected<std::int64_t, std::string> calculate(std::string_view expression) {
  return evaluate(expression, [](std::string_view name) -> std::string {
    if (name == "x") return "5";
    if (name == "text") return "abc";
    return {};
  });
}

std::string arithmetic_error(std::string_view expression) {
  const auto result = calculate(expression);
  return result ? "" : result.error();
}

}  // namespace

TEST_CASE("arithmetic has C's operators and their precedence") {
  CHECK(calculate("1 + 2 * 3") == 7);
  CHECK(calculate("(1 + 2) * 3") == 9);
  CHECK(calculate("10 - 4 - 3") == 3);
  CHECK(calculate("-7 / 2") == -3);
  CHECK(calculate("-7 % 2") == -1);
  CHECK(calculate("1 << 4 | 3 & 2 ^ 1") == 19);
  CHECK(calculate("1 < 2 == 1 && 3 >= 3 && 2 != 3") == 1);
  CHECK(calculate("!0 + ~0 - -1") == 1);
  CHECK(calculate("0 ? 1 : x > 4 ? 2 : 3") == 2);
  CHECK(calculate("0x1f + 010") == 39);
}

TEST_CASE("variables have their values, with or without $, and 0 if they are not set") {
  CHECK(calculate("x * $x + ${x}") == 30);
  CHECK(calculate("none + 1") == 1);
  CHECK(arithmetic_error("text") == "arithmetic: abc is not a number");
}

TEST_CASE("&&, || and ? do not divide on the side that does not count") {
  CHECK(calculate("0 && 1 / 0") == 0);
  CHECK(calculate("1 || 1 / 0") == 1);
  CHECK(calculate("1 ? 2 : 1 / 0") == 2);
  CHECK(arithmetic_error("1 && 1 / 0") == "arithmetic: division by zero");
  CHECK(arithmetic_error("5 % 0") == "arithmetic: division by zero");
}

TEST_CASE("integers overflow as two's complement") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  CHECK(calculate("9223372036854775807 + 1") == least);
  CHECK(calculate("(-9223372036854775807 - 1) / -1") == least);
  CHECK(calculate("(-9223372036854775807 - 1) % -1") == 0);
  CHECK(to_integer("-9223372036854775808") == least);
  CHECK(to_integer("9223372036854775807") == most);
  CHECK_FALSE(to_integer("9223372036854775808"));
}

TEST_CASE("errors in expressions are messages") {
  CHECK(arithmetic_error("1 +") == "arithmetic: a number is missing");
  CHECK(arithmetic_error("(1") == "arithmetic: a closing ) is missing");
  CHECK(arithmetic_error("1 2") == "arithmetic: unexpected 2");
  CHECK(arithmetic_error("08") == "arithmetic: 08 is not a number");
  CHECK_FALSE(arithmetic_error(std::string(10'000, '(')).empty());
  CHECK_FALSE(to_integer(""));
  CHECK_FALSE(to_integer("--1"));
  CHECK_FALSE(to_integer("1x"));
}
