#include "complete.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text.h"

namespace shell {
namespace {

// A command follows these words.
constexpr auto opening_words = std::to_array<std::string_view>(
    {"if", "then", "elif", "else", "while", "until", "do", "{", "!"});

// The word before the cursor.
struct LastWord {
  std::string text;  // without quotation marks
  char quotation = '\0';
  bool is_command = true;
  bool has_expansion = false;
  std::string command;  // the first word of its command
};

// Follows the quotation marks and operators of a line. It is no parser: the line is unfinished.
class LineScanner {
 public:
  LastWord scan(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\' && word_.quotation != '\'' && i + 1 < line.size()) {
        add(line[++i]);
      } else if (word_.quotation != '\0') {
        if (c == word_.quotation) {
          word_.quotation = '\0';
        } else {
          word_.has_expansion |= word_.quotation == '"' && (c == '$' || c == '`');
          add(c);
        }
      } else if (c == '\'' || c == '"') {
        word_.quotation = c;
        has_begun_ = true;
      } else if (c == '$' && i + 1 < line.size() && line[i + 1] == '(') {
        begin_command();
        ++i;
      } else if (is_blank(c) || c == '\n') {
        end_word();
      } else if (std::string_view{"|&;()`"}.contains(c)) {
        begin_command();
      } else if (c == '<' || c == '>') {
        if (!std::ranges::all_of(word_.text, is_digit)) end_word();
        clear_word();
        is_file_ = true;
      } else {
        word_.has_expansion |= c == '$';
        add(c);
      }
    }
    word_.is_command = command_.empty() && !is_file_;
    word_.command = command_;
    return std::move(word_);
  }

 private:
  void add(char c) {
    word_.text += c;
    has_begun_ = true;
  }
  void clear_word() {
    word_ = {};
    has_begun_ = false;
  }
  void begin_command() {
    clear_word();
    command_.clear();
    is_file_ = false;
  }
  void end_word() {
    if (!has_begun_) return;
    const bool is_assignment = word_.text.contains('=');
    const bool opens = is_one_of(word_.text, opening_words);
    if (!is_file_ && command_.empty() && !is_assignment && !opens) command_ = word_.text;
    is_file_ = false;
    clear_word();
  }

  LastWord word_;
  bool has_begun_ = false;
  bool is_file_ = false;  // the word follows < or >
  std::string command_;
};

// Quotes the characters of `text` that are special within the quotation, or outside of one.
std::string quoted(std::string_view text, char quotation) {
  std::string result;
  for (const char c : text) {
    if (quotation == '\'' && c == '\'') {
      result += "'\\''";
      continue;
    }
    const std::string_view special = quotation == '"'    ? "$`\"\\"
                                     : quotation == '\'' ? ""
                                                         : " \t|&;<>()$`\\\"'*?[#";
    if (special.contains(c)) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

Completion complete(std::string_view line, const CompletionSources& sources) {
  const auto word = LineScanner{}.scan(line);
  if (word.has_expansion) return {};
  Completion completion;
  if (word.quotation != '\0') completion.ending = word.quotation;
  completion.ending += ' ';
  const auto add = [&](std::string_view name, std::string_view prefix, bool is_folder) {
    const bool has_control = std::ranges::any_of(name, is_control);  // no key types it
    if (!name.starts_with(prefix) || has_control) return;
    const std::string mark = is_folder ? "/" : "";
    completion.candidates.push_back(
        {quoted(name.substr(prefix.size()), word.quotation) + mark, std::string{name} + mark});
    if (is_folder) completion.ending.clear();
  };
  const auto slash = word.text.rfind('/');
  if (word.is_command && slash == std::string::npos) {
    auto names = sources.commands();
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    for (const auto& name : names) add(name, word.text, false);
    return completion;
  }
  const auto split = slash == std::string::npos ? 0 : slash + 1;
  const auto folder = word.text.substr(0, split);
  const auto prefix = std::string_view{word.text}.substr(split);
  for (const auto& item : sources.list(folder.empty() ? "." : folder)) {
    if (item.name.starts_with('.') && !prefix.starts_with('.')) continue;
    if (word.command == "cd" && !item.is_folder) continue;
    add(item.name, prefix, item.is_folder);
  }
  return completion;
}

}  // namespace shell
