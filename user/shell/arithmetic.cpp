#include "arithmetic.h"

#include <charconv>
#include <limits>
#include <optional>

#include "text.h"

namespace shell {
namespace {

using Integer = std::int64_t;
using Unsigned = std::uint64_t;

constexpr int deepest_expression = 64;

struct BinaryOperator {
  std::string_view token;
  int level;  // a higher one binds first
};
constexpr BinaryOperator binary_operators[] = {
    // a token follows all longer ones
    {"||", 1}, {"&&", 2}, {"==", 6}, {"!=", 6}, {"<=", 7}, {">=", 7},
    {"<<", 8}, {">>", 8}, {"|", 3},  {"^", 4},  {"&", 5},  {"<", 7},
    {">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10},
};

// After an error the text is at its end, and every value is 0.
class ArithmeticEvaluator {
 public:
  ArithmeticEvaluator(std::string_view text, const ValueOf& value) : rest_{text}, value_{value} {}

  std::expected<Integer, std::string> run() {
    const Integer result = conditional();
    skip_blanks();
    if (!rest_.empty()) fail("unexpected " + std::string{rest_.substr(0, 1)});
    if (error_) return std::unexpected{"arithmetic: " + *error_};
    return result;
  }

 private:
  Integer fail(std::string message) {
    if (!error_) error_ = std::move(message);
    rest_ = {};
    return 0;
  }

  void skip_blanks() {
    const auto end = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(end, rest_.size()));
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  Integer conditional() {
    if (++depth_ > deepest_expression) return fail("the expression is nested too deeply");
    Integer result = binary(1);
    if (take("?")) {
      const bool outer = is_skipped_;
      is_skipped_ = outer || result == 0;
      const Integer first = conditional();
      if (!take(":")) fail(": is missing");
      is_skipped_ = outer || result != 0;
      const Integer second = conditional();
      is_skipped_ = outer;
      result = result != 0 ? first : second;
    }
    --depth_;
    return result;
  }

  Integer binary(int level) {
    Integer left = unary();
    for (;;) {
      skip_blanks();
      const BinaryOperator* found = nullptr;
      for (const auto& candidate : binary_operators) {
        if (!rest_.starts_with(candidate.token)) continue;
        found = &candidate;
        break;
      }
      if (found == nullptr || found->level < level) return left;
      rest_.remove_prefix(found->token.size());
      const bool outer = is_skipped_;
      if (found->token == "||") is_skipped_ |= left != 0;
      if (found->token == "&&") is_skipped_ |= left == 0;
      const Integer right = binary(found->level + 1);
      is_skipped_ = outer;
      left = apply(found->token, left, right);
    }
  }

  Integer apply(std::string_view token, Integer left, Integer right) {
    const auto a = static_cast<Unsigned>(left), b = static_cast<Unsigned>(right);
    const auto bits = static_cast<int>(b % 64);
    if (token == "||") return left != 0 || right != 0;
    if (token == "&&") return left != 0 && right != 0;
    if (token == "==") return left == right;
    if (token == "!=") return left != right;
    if (token == "<=") return left <= right;
    if (token == ">=") return left >= right;
    if (token == "<") return left < right;
    if (token == ">") return left > right;
    if (token == "<<") return static_cast<Integer>(a << bits);
    if (token == ">>") return left >> bits;
    if (token == "|") return left | right;
    if (token == "^") return left ^ right;
    if (token == "&") return left & right;
    if (token == "+") return static_cast<Integer>(a + b);
    if (token == "-") return static_cast<Integer>(a - b);
    if (token == "*") return static_cast<Integer>(a * b);
    if (right == 0) return is_skipped_ ? 0 : fail("division by zero");
    if (right == -1) return token == "/" ? static_cast<Integer>(-a) : 0;  // may overflow
    return token == "/" ? left / right : left % right;
  }

  Integer unary() {
    std::string signs;
    for (;;) {
      skip_blanks();
      if (rest_.empty() || !std::string_view{"+-!~"}.contains(rest_.front())) break;
      signs += rest_.front();
      rest_.remove_prefix(1);
    }
    Integer result = primary();
    for (; !signs.empty(); signs.pop_back()) {
      const char sign = signs.back();
      if (sign == '-') result = static_cast<Integer>(-static_cast<Unsigned>(result));
      if (sign == '!') result = result == 0;
      if (sign == '~') result = ~result;
    }
    return result;
  }

  Integer primary() {
    if (take("(")) {
      const Integer result = conditional();
      if (!take(")")) fail("a closing ) is missing");
      return result;
    }
    const bool has_dollar = take("$");
    const bool has_brace = has_dollar && take("{");
    std::size_t length = 0;
    while (length < rest_.size() && is_name_character(rest_[length])) ++length;
    if (length == 0 && has_dollar && !rest_.empty()) length = 1;  // $? $# …
    const auto word = rest_.substr(0, length);
    if (word.empty()) return fail("a number is missing");
    rest_.remove_prefix(length);
    if (has_brace && !take("}")) return fail("a closing } is missing");
    const bool is_variable = has_dollar || !is_digit(word.front());
    const auto text = is_variable ? value_(word) : std::string{word};
    if (text.empty()) return 0;
    const auto number = to_integer(text);
    if (!number) return fail(number.error());
    return *number;
  }

  std::string_view rest_;
  const ValueOf& value_;
  int depth_ = 0;
  bool is_skipped_ = false;  // the value has no effect: the other side of && || or ? has decided
  std::optional<std::string> error_;
};

}  // namespace

std::expected<Integer, std::string> to_integer(std::string_view text) {
  const auto error = [text] { return std::unexpected{std::string{text} + " is not a number"}; };
  auto digits = text;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.starts_with('0')) {
    base = 8;
  }
  Unsigned value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, value, base);
  if (failure != std::errc{} || stop != end) return error();
  constexpr auto most = static_cast<Unsigned>(std::numeric_limits<Integer>::max());
  if (value > most + (is_negative ? 1 : 0)) return error();
  return static_cast<Integer>(is_negative ? -value : value);
}

std::expected<Integer, std::string> evaluate(std::string_view expression, const ValueOf& value) {
  return ArithmeticEvaluator{expression, value}.run();
}

}  // namespace shell
