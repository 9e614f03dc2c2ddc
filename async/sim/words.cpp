#include "words.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace async::sim {
namespace {

std::optional<double> unit(std::string_view name) {
  if (name == "ns") return 1;
  if (name == "us") return 1e3;
  if (name == "ms") return 1e6;
  if (name == "s") return 1e9;
  return std::nullopt;
}

}  // namespace

void Words::fail(const Word& at, const std::string& what) {
  throw WorkloadError{at.line, at.column, what};
}

void Words::fail_here(const std::string& what) const {
  fail(line_.next == 0 ? line_.words.front() : line_.words[line_.next - 1], what);
}

bool Words::next_line() {
  while (!text_.empty()) {
    const std::size_t length = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, length);
    text_.remove_prefix(std::min(length + 1, text_.size()));
    line_ = {.number = line_.number + 1};
    if (const std::size_t comment = line.find('#'); comment != line.npos) {
      const std::size_t begin = line.find_first_not_of("# ", comment);
      if (first_comment_.empty() && begin != line.npos) first_comment_ = line.substr(begin);
      line = line.substr(0, comment);
    }
    for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != line.npos;) {
      const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
      line_.words.push_back(
          {line.substr(at, end - at), line_.number, static_cast<unsigned>(at + 1)});
      line_.end_column = static_cast<unsigned>(end + 1);
      at = end;
    }
    if (!line_.words.empty()) return true;
  }
  return false;
}

const Word& Words::word(const char* wanted) {
  if (!has_word()) fail({"", line_.number, line_.end_column}, std::string(wanted) + " is missing");
  return line_.words[line_.next++];
}

bool Words::accept(std::string_view text) {
  if (!has_word() || line_.words[line_.next].text != text) return false;
  ++line_.next;
  return true;
}

std::pair<double, std::string_view> Words::split(const Word& word, const char* wanted) {
  double value = 0;
  const char* const end = word.text.data() + word.text.size();
  const auto [rest, error] = std::from_chars(word.text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) {
    fail(word, "expected " + std::string(wanted) + ", not '" + std::string(word.text) + "'");
  }
  return {value, {rest, static_cast<std::size_t>(end - rest)}};
}

double Words::time() {
  const char* const wanted = "a time such as 5ms (ns, us, ms or s)";
  const Word& at = word(wanted);
  const auto [value, name] = split(at, wanted);
  const auto factor = unit(name);
  if (!factor) fail(at, "expected " + std::string(wanted) + ", not '" + std::string(at.text) + "'");
  if (value * *factor > longest_ns) fail(at, "the time must be at most 11 days");
  return value * *factor;
}

std::uint64_t Words::positive_time() {
  const std::size_t place = line_.next;
  const auto ns = static_cast<std::uint64_t>(time());
  if (ns == 0) fail(line_.words[place], "the time must be longer than 0");
  return ns;
}

double Words::number(const char* wanted, double least, double most) {
  const Word& at = word(wanted);
  const auto [value, rest] = split(at, wanted);
  if (!rest.empty() || value < least || value > most) {
    fail(at, "expected " + std::string(wanted) + ", not '" + std::string(at.text) + "'");
  }
  return value;
}

std::uint32_t Words::whole(const char* wanted, std::uint32_t least, std::uint32_t most) {
  const double value = number(wanted, least, most);
  if (value != std::floor(value)) fail_here("expected " + std::string(wanted));
  return static_cast<std::uint32_t>(value);
}

Distribution Words::distribution() {
  using Kind = Distribution::Kind;
  if (accept("exp")) return {.kind = Kind::exponential, .a = time()};
  if (accept("uniform")) {
    const double from = time();
    const double to = time();
    if (to < from) fail_here("the second time must not be below the first");
    return {.kind = Kind::uniform, .a = from, .b = to};
  }
  if (accept("either")) {
    const double share = number("a share from 0 to 1", 0, 1);
    const double first = time();
    return {.kind = Kind::either, .a = first, .b = time(), .share = share};
  }
  if (accept("pareto")) {
    const double least = time();
    return {.kind = Kind::pareto, .a = least, .b = number("a shape above 1", 1.01, 100)};
  }
  return {.kind = Kind::constant, .a = time()};
}

}  // namespace async::sim
