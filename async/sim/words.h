// The words of a text, line by line, and what is in them: numbers, times and distributions.
// Whatever is wrong is thrown as a WorkloadError, with its line and column.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workload.h"

namespace async::sim {

/// Of times that are given: eleven days, in nanoseconds.
inline constexpr double longest_ns = 1e15;

struct Word {
  std::string_view text;
  unsigned line;
  unsigned column;
};

/// The words of one line, and the place after the last one.
struct Line {
  std::vector<Word> words;
  std::size_t next = 0;
  unsigned number = 0;
  unsigned end_column = 1;
};

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  [[noreturn]] static void fail(const Word& at, const std::string& what);
  /// At the word that was taken last.
  [[noreturn]] void fail_here(const std::string& what) const;

  /// Goes on to the next line that has a word; false: there is none.
  bool next_line();
  const Line& line() const { return line_; }
  bool has_word() const { return line_.next < line_.words.size(); }
  /// The next one of the line; `wanted` is what is missing if there is none.
  const Word& word(const char* wanted);
  /// Takes the next word if it is that.
  bool accept(std::string_view text);
  std::string_view first_comment() const { return first_comment_; }

  /// A number from 0 up, and what stands behind it.
  static std::pair<double, std::string_view> split(const Word& word, const char* wanted);
  double time();  ///< nanoseconds, up to 1e15
  std::uint64_t positive_time();
  double number(const char* wanted, double least, double most);
  std::uint32_t whole(const char* wanted, std::uint32_t least, std::uint32_t most);
  Distribution distribution();

 private:
  std::string_view text_;  // the rest
  std::string_view first_comment_;
  Line line_;
};

}  // namespace async::sim
