// Parses the arguments of the small programs and reports wrong usage.
//
//   programs::Arguments arguments{argc, argv, "grep [-v] TEXT [FILE…]"};
//   const bool inverted = arguments.take("-v");
//   const auto words = arguments.words(1);
#pragma once

#include <user/print.h>
#include <user/process.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace programs {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Prints the message and exits with 2, the status for wrong usage.
template <class... T>
[[noreturn]] void wrong_usage(fmt::format_string<T...> format, T&&... arguments) {
  user::complain(format, std::forward<T>(arguments)...);
  user::exit(2);
}

// Options come first, each as a word of its own; `--` ends them. `-` and negative numbers are not
// options.
class Arguments {
 public:
  // `--help` prints the usage and exits with 0.
  Arguments(int argc, char** argv, const char* usage)
      : usage_{usage}, rest_{argv + 1, argv + argc} {
    if (!take("--help")) return;
    user::println("usage: {}", usage_);
    user::exit(0);
  }

  // Consumes the next word and returns true if it is `option`.
  bool take(std::string_view option) {
    if (rest_.empty() || option != rest_.front()) return false;
    rest_ = rest_.subspan(1);
    return true;
  }
  // Consumes and returns the next word, such as -5, or the 5 of -n 5.
  std::string_view take_word() {
    if (rest_.empty()) wrong();
    const char* word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }
  std::string_view next() const { return rest_.empty() ? "" : rest_.front(); }

  // Returns the words after the options. Exits with the usage if their number is not `least` …
  // `most`, or if an option is left.
  std::span<char* const> words(std::size_t least = 0,
                               std::size_t most = std::numeric_limits<std::size_t>::max()) {
    if (!take("--") && is_option(next())) wrong();
    if (rest_.size() < least || rest_.size() > most) wrong();
    return rest_;
  }
  std::vector<const char*> paths() {
    const auto all = words();
    return {all.begin(), all.end()};
  }

  [[noreturn]] void wrong() const { wrong_usage("usage: {}", usage_); }

 private:
  static bool is_option(std::string_view word) {
    return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
  }

  const char* usage_;
  std::span<char* const> rest_;
};

}  // namespace programs
