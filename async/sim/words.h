// Words: splits a text into lines of words, and parses numbers, times and distributions. Errors are
// thrown as WorkloadError, with line and column.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workload.h"

namespace async::sim {

/// The longest time that a text may give: eleven days, in nanoseconds.
inline constexpr double longest_ns = 1e15;

struct Word {
  std::string_view text;
  unsigned line;
  unsigned column;
};

/// The words of one line. `end_column` is the column after the last one.
struct Line {
  std::vector<Word> words;
  std::size_t next = 0;  // index of the next word to take
  unsigned number = 0;
  unsigned end_column = 1;
};

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  [[noreturn]] static void fail(const Word& at, const std::string& what);
  /// Fails at the word that was taken last.
  [[noreturn]] void fail_here(const std::string& what) const;

  /// Moves to the next line that has a word; false: there is none.
  bool next_line();
  const Line& line() const { return line_; }
  bool has_word() const { return line_.next < line_.words.size(); }
  /// Takes the next word of the line. If there is none, fails and says that `wanted` is missing.
  const Word& word(const char* wanted);
  /// Takes the next word if it is `text`.
  bool accept(std::string_view text);
  std::string_view first_comment() const { return first_comment_; }

  /// The number, from 0 up, at the beginning of `word`, and the text after it.
  static std::pair<double, std::string_view> split(const Word& word, const char* wanted);
  double time();  ///< nanoseconds, up to 1e15
  std::uint64_t positive_time();
  double number(const char* wanted, double least, double most);
  std::uint32_t whole(const char* wanted, std::uint32_t least, std::uint32_t most);
  Distribution distribution();

 private:
  std::string_view text_;  // not yet read
  std::string_view first_comment_;
  Line line_;
};

}  // namespace async::sim
