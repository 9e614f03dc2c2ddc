// Edits the line that a person types at a terminal.
//
//   keys ──▶ LineEditor ──▶ text and cursor movements (VT100)
//                │ Up, Down, ^R         │ Tab
//                ▼                      ▼
//             History               Completer
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shell {

// A terminal that sends each key at once and shows none by itself. "\n" moves to the start of the
// next row.
class EditorTerminal {
 public:
  // Waits for the next byte. Empty: there is no more input.
  virtual std::optional<char> read() = 0;
  virtual void write(std::string_view text) = 0;
  virtual std::size_t columns() = 0;

 protected:
  ~EditorTerminal() = default;
};

// Lines typed earlier, the oldest first. The oldest are dropped when there are too many.
class History {
 public:
  static constexpr std::size_t most_lines = 1000;

  // Ignores blank lines, and a line equal to the last one.
  void add(std::string_view line);
  std::size_t size() const { return lines_.size(); }
  const std::string& operator[](std::size_t index) const { return lines_[index]; }
  // The number of lines that were dropped.
  std::size_t dropped() const { return dropped_; }

 private:
  std::vector<std::string> lines_;
  std::size_t dropped_ = 0;
};

// How the text before the cursor can continue.
struct Completion {
  struct Candidate {
    std::string rest;   // follows the text
    std::string shown;  // in the list of candidates
  };
  std::vector<Candidate> candidates;
  // Follows the rest if there is only one candidate, such as a blank.
  std::string ending;
};
// `line` ends at the cursor.
using Completer = std::function<Completion(std::string_view line)>;

struct Typed {
  enum class How {
    line,
    given_up,  // ^C or ^\: the line is discarded
    end,       // ^D on an empty line, or the end of input
  };
  How how;
  std::string text;  // the line, without its newline
};

class LineEditor {
 public:
  static constexpr std::size_t longest_line = 16384;  // bytes; further keys ring the bell

  LineEditor(EditorTerminal& terminal, const History& history, const Completer& complete)
      : terminal_{terminal}, history_{history}, complete_{complete} {}

  // Prints the prompt and waits for a line. Reads no byte after its end.
  Typed read(std::string_view prompt);

 private:
  struct Key;
  struct Place {
    std::size_t row;
    std::size_t column;
  };

  // Keys
  Key next_key();
  Key escape_sequence();
  Key control_sequence();
  std::optional<char> next_byte();
  std::optional<Typed> handle(const Key& key);
  void edit(const Key& key);

  // The line. Each function shows what it changes.
  void insert(std::string_view text);
  void erase(std::size_t begin, std::size_t end);
  void kill(std::size_t begin, std::size_t end);
  void replace_line(std::string text);
  void move_cursor(std::size_t to);
  std::size_t before_cursor() const;
  std::size_t behind_cursor() const;
  std::size_t word_before() const;
  std::size_t word_behind() const;
  std::size_t blank_word_before() const;
  void show_history(std::size_t position);
  std::optional<Key> search();
  void complete();
  void list(const std::vector<Completion::Candidate>& candidates);

  // The screen
  Place lay_out(std::string_view text, Place from, std::string* shown) const;
  Place place_of(std::size_t index) const;
  void move_to(Place place);
  void draw();
  void redraw();
  void redraw_from(std::size_t index, bool erases);
  void leave_line(std::string_view ending);
  void flush();

  EditorTerminal& terminal_;
  const History& history_;
  const Completer& complete_;

  std::string prompt_;
  std::string line_;
  std::size_t cursor_ = 0;    // an index into line_
  std::string killed_;        // ^Y inserts it
  std::size_t position_ = 0;  // in the history; its size: the new line
  std::string new_line_;      // the new line while an old one is shown
  std::size_t columns_ = 80;
  Place place_{};       // of the terminal's cursor, from the prompt's start on
  std::string output_;  // not written yet
  std::optional<char> pushed_back_;
};

}  // namespace shell
