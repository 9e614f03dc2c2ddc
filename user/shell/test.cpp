// The builtin `test`, also called `[` (POSIX.1-2024, test).
//
//   or      = and { "-o" and }        and = not { "-a" not }        not = { "!" } primary
//   primary = "(" or ")" | word OPERATOR word | -OPERATOR word | word
#include <abi/flags.h>
#include <user/calls.h>
#include <user/print.h>

#include <algorithm>

#include "arithmetic.h"
#include "shell.h"

namespace shell {
namespace {

constexpr int test_error = 2;
constexpr int deepest_test = 64;

bool can_access(const std::string& path, int mode) {
  return user::call(user::Call::faccessat, abi::at_fdcwd, path.c_str(), mode).has_value();
}

// After an error there are no words left, and every value is false.
class TestEvaluator {
 public:
  explicit TestEvaluator(std::span<const std::string> words) : rest_{words} {}

  int run() {
    if (rest_.empty()) return 1;
    const bool holds = either();
    if (!rest_.empty()) fail("unexpected " + rest_.front());
    if (error_.empty()) return holds ? 0 : 1;
    user::complain("test: {}", error_);
    return test_error;
  }

 private:
  bool fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    rest_ = {};
    return false;
  }
  bool take(std::string_view word) {
    if (rest_.empty() || rest_.front() != word) return false;
    rest_ = rest_.subspan(1);
    return true;
  }
  std::string next() {
    if (rest_.empty()) {
      fail("a word is missing");
      return {};
    }
    auto word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  bool either() {
    bool holds = both();
    while (take("-o")) holds = static_cast<int>(both()) | static_cast<int>(holds);
    return holds;
  }
  bool both() {
    bool holds = negation();
    while (take("-a")) holds = static_cast<int>(negation()) & static_cast<int>(holds);
    return holds;
  }
  bool negation() {
    bool negated = false;
    // The last word, and the left side of an operator, are words.
    while (rest_.size() > 1 && !is_comparison() && take("!")) negated = !negated;
    return primary() != negated;
  }

  bool is_comparison() const {
    constexpr std::string_view operators[] = {"=",   "==",  "!=",  "<",   ">",  "-eq",
                                              "-ne", "-lt", "-le", "-gt", "-ge"};
    return rest_.size() > 2 && std::ranges::contains(operators, rest_[1]);
  }

  bool primary() {
    if (is_comparison()) return comparison();
    if (rest_.size() > 1 && rest_.front().size() == 2 && rest_.front().front() == '-') {
      const char which = rest_.front()[1];
      if (std::string_view{"abcdefghLnprsStuwxz"}.contains(which)) {
        rest_ = rest_.subspan(1);
        return property(which, next());
      }
    }
    if (rest_.size() > 1 && take("(")) {
      if (++depth_ > deepest_test) return fail("the expression is nested too deeply");
      const bool holds = either();
      --depth_;
      return take(")") ? holds : fail("a closing ) is missing");
    }
    return !next().empty();
  }

  bool comparison() {
    const auto left = next(), operation = next(), right = next();
    if (operation == "=" || operation == "==") return left == right;
    if (operation == "!=") return left != right;
    if (operation == "<") return left < right;
    if (operation == ">") return left > right;
    const auto a = to_integer(left), b = to_integer(right);
    if (!a) return fail(a.error());
    if (!b) return fail(b.error());
    if (operation == "-eq") return *a == *b;
    if (operation == "-ne") return *a != *b;
    if (operation == "-lt") return *a < *b;
    if (operation == "-le") return *a <= *b;
    if (operation == "-gt") return *a > *b;
    return *a >= *b;
  }

  bool property(char which, const std::string& word) {
    switch (which) {
      case 'n': return !word.empty();
      case 'z': return word.empty();
      case 'r': return can_access(word, abi::r_ok);
      case 'w': return can_access(word, abi::w_ok);
      case 'x': return can_access(word, abi::x_ok);
      case 't': {
        const auto fd = to_integer(word);
        return fd ? user::is_terminal(static_cast<user::Fd>(*fd)) : fail(fd.error());
      }
      default: break;
    }
    abi::Stat status{};
    const bool is_link = which == 'h' || which == 'L';
    const int flags = is_link ? abi::at_symlink_nofollow : 0;
    if (!user::call(user::Call::newfstatat, abi::at_fdcwd, word.c_str(), &status, flags)) {
      return false;
    }
    const auto type = status.mode & abi::s_ifmt;
    switch (which) {
      case 'b': return type == abi::s_ifblk;
      case 'c': return type == abi::s_ifchr;
      case 'd': return type == abi::s_ifdir;
      case 'f': return type == abi::s_ifreg;
      case 'h':
      case 'L': return type == abi::s_iflnk;
      case 'p': return type == abi::s_ififo;
      case 'S': return type == abi::s_ifsock;
      case 's': return status.size > 0;
      case 'g': return (status.mode & 02000) != 0;
      case 'u': return (status.mode & 04000) != 0;
      default: return true;  // -e, -a
    }
  }

  std::span<const std::string> rest_;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

int run_test(Shell&, std::span<const std::string> words) {
  auto expression = words.subspan(1);
  if (words.front() == "[") {
    if (expression.empty() || expression.back() != "]") {
      user::complain("[: a closing ] is missing");
      return test_error;
    }
    expression = expression.first(expression.size() - 1);
  }
  return TestEvaluator{expression}.run();
}

}  // namespace shell
