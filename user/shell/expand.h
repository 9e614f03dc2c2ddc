// Expands words: variables, the output of commands, arithmetic, fields, patterns of file names.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern.h"
#include "tree.h"

namespace shell {

// What expansions need of a shell. Each error is a message for users.
class Surroundings {
 public:
  // A variable, or a special parameter other than @ and *. Empty: it is not set.
  virtual std::optional<std::string> value(std::string_view name) const = 0;
  virtual const std::vector<std::string>& parameters() const = 0;  // $1 …
  virtual void set_variable(std::string_view name, std::string_view value) = 0;
  // Runs commands and returns what they print.
  virtual std::expected<std::string, std::string> output_of(const std::string& commands) = 0;
  virtual std::vector<FolderItem> list_folder(const std::string& folder) = 0;

 protected:
  ~Surroundings() = default;
};

// The arguments for which words stand. Unquoted expansions are split at the characters of IFS, and
// a word with wildcards becomes the paths that match, if there are any.
std::expected<std::vector<std::string>, std::string> expand_words(const std::vector<Word>& words,
                                                                  Surroundings& surroundings);
// A word that stays one: a value, or a file.
std::expected<std::string, std::string> expand_word(const Word& word, Surroundings& surroundings);
// The same for a pattern: quoted characters stand for themselves.
std::expected<std::string, std::string> expand_pattern(const Word& word,
                                                       Surroundings& surroundings);

// Splits a line for `read` into at most `most` fields; the last one gets the rest of the line.
std::vector<std::string> split_fields(std::string_view line, std::string_view separators,
                                      std::size_t most);

}  // namespace shell
