#include "pattern.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "text.h"

namespace shell {
namespace {

// Takes one character of a pattern, and the \ before it.
char32_t take_character(std::string_view& pattern) {
  if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  const char32_t code = code_point(pattern);
  pattern.remove_prefix(character_bytes(pattern));
  return code;
}

// Takes a set in brackets if one begins here, and returns whether `code` is in it.
std::optional<bool> take_set(std::string_view& pattern, char32_t code) {
  auto rest = pattern.substr(1);
  const bool negated = rest.starts_with('!') || rest.starts_with('^');
  if (negated) rest.remove_prefix(1);
  bool found = false;
  for (bool first = true; !rest.empty(); first = false) {
    if (rest.front() == ']' && !first) {
      pattern = rest.substr(1);
      return found != negated;
    }
    const char32_t low = take_character(rest);
    char32_t high = low;
    if (rest.size() > 1 && rest.front() == '-' && rest[1] != ']') {
      rest.remove_prefix(1);
      high = take_character(rest);
    }
    found |= code >= low && code <= high;
  }
  return {};  // no closing bracket: the [ is an ordinary character
}

// Takes what matches the first character of `text`, which is no *.
bool take_one(std::string_view& pattern, std::string_view text) {
  const char32_t code = code_point(text);
  if (pattern.front() == '?') {
    pattern.remove_prefix(1);
    return true;
  }
  if (pattern.front() == '[') {
    if (const auto found = take_set(pattern, code)) return *found;
  }
  return take_character(pattern) == code;
}

// Removes the \ of quoted characters.
std::string unquoted(std::string_view pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    text += pattern[i];
  }
  return text;
}

// Appends the paths that begin with `path` and whose rest matches `pattern`.
void add_paths(std::string path, std::string_view pattern, const ListFolder& list,
               std::vector<std::string>& found) {
  std::string_view part, rest;
  std::string literal;
  for (;;) {
    while (pattern.starts_with('/')) {
      path += '/';
      pattern.remove_prefix(1);
    }
    if (pattern.empty()) {
      found.push_back(std::move(path));
      return;
    }
    part = pattern.substr(0, pattern.find('/'));
    rest = pattern.substr(part.size());
    literal = unquoted(part);
    if (has_wildcards(part) || rest.empty()) break;
    path += literal;
    pattern = rest;
  }
  for (const auto& item : list(path.empty() ? "." : path)) {
    if (!rest.empty() && !item.is_folder) continue;
    if (item.name.starts_with('.') && !literal.starts_with('.')) continue;
    if (matches(part, item.name)) add_paths(path + item.name, rest, list, found);
  }
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  // After a mismatch the last * takes one character more.
  std::optional<std::string_view> after_star;
  std::string_view star_text;
  for (;;) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern;
      star_text = text;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    auto tried = pattern;
    if (!text.empty() && !pattern.empty() && take_one(tried, text)) {
      pattern = tried;
      text.remove_prefix(character_bytes(text));
      continue;
    }
    if (!after_star || star_text.empty()) return false;
    star_text.remove_prefix(character_bytes(star_text));
    text = star_text;
    pattern = *after_star;
  }
}

bool has_wildcards(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (std::string_view{"*?["}.contains(pattern[i])) {
      return true;
    }
  }
  return false;
}

std::string quoted_for_pattern(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view{"*?[]!^-\\"}.contains(c)) result += '\\';
    result += c;
  }
  return result;
}

std::vector<std::string> matching_paths(std::string_view pattern, const ListFolder& list) {
  std::vector<std::string> found;
  add_paths({}, pattern, list, found);
  std::ranges::sort(found);
  return found;
}

}  // namespace shell
