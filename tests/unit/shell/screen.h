// A terminal for tests of the line editor: it types keys, and shows what a VT100 would show.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "editor.h"
#include "text.h"

class ScreenTerminal final : public shell::EditorTerminal {
 public:
  explicit ScreenTerminal(std::size_t columns) : columns_{columns} {}

  void type(std::string_view keys) { keys_ += keys; }

  std::optional<char> read() override {
    if (at_ == keys_.size()) return {};
    return keys_[at_++];
  }
  std::size_t columns() override { return columns_; }
  void write(std::string_view text) override {
    written_ += text;
    while (!text.empty()) {
      const auto bytes = shell::character_bytes(text);
      show(text.substr(0, bytes), text);
    }
  }

  // The rows, without blanks at their ends and without empty rows at the end.
  std::vector<std::string> rows() const {
    std::vector<std::string> result;
    for (const auto& row : rows_) {
      std::string line;
      for (const auto& cell : row) line += cell;
      while (line.ends_with(' ')) line.pop_back();
      result.push_back(line);
    }
    while (!result.empty() && result.back().empty()) result.pop_back();
    return result;
  }
  std::pair<std::size_t, std::size_t> cursor() const { return {row_, column_}; }
  std::string unread() const { return keys_.substr(at_); }
  const std::string& written() const { return written_; }
  std::size_t bells() const { return static_cast<std::size_t>(std::ranges::count(written_, '\a')); }

 private:
  using Row = std::vector<std::string>;  // a cell is a character; the second of a wide one is empty

  Row& row() {
    while (rows_.size() <= row_) rows_.emplace_back(columns_, " ");
    return rows_[row_];
  }

  void show(std::string_view character, std::string_view& rest) {
    const char first = character.front();
    if (first == '\x1b') return control(rest);
    rest.remove_prefix(character.size());
    if (first == '\n') {
      ++row_;
      column_ = 0;
      is_full_ = false;
    } else if (first == '\r') {
      column_ = 0;
      is_full_ = false;
    } else if (first != '\a') {
      put(character);
    }
  }

  void put(std::string_view character) {
    const auto width = static_cast<std::size_t>(shell::columns_of(shell::code_point(character)));
    if (width == 0) {
      row()[column_ - (is_full_ ? 0 : 1)] += character;
      return;
    }
    if (is_full_ || column_ + width > columns_) {
      ++row_;
      column_ = 0;
      is_full_ = false;
    }
    row()[column_] = character;
    if (width == 2) row()[column_ + 1] = "";
    column_ += width;
    if (column_ == columns_) {
      --column_;
      is_full_ = true;
    }
  }

  void control(std::string_view& rest) {
    REQUIRE(rest.starts_with("\x1b["));
    rest.remove_prefix(2);
    std::size_t count = 0;
    bool has_count = false;
    while (!rest.empty() && shell::is_digit(rest.front())) {
      count = count * 10 + static_cast<std::size_t>(rest.front() - '0');
      has_count = true;
      rest.remove_prefix(1);
    }
    REQUIRE_FALSE(rest.empty());
    const char final = rest.front();
    rest.remove_prefix(1);
    is_full_ = false;
    const auto by = has_count ? count : 1;
    switch (final) {
      case 'A':
        REQUIRE(by <= row_);
        row_ -= by;
        break;
      case 'B': row_ += by; break;
      case 'C':
        REQUIRE(column_ + by < columns_);
        column_ += by;
        break;
      case 'D':
        REQUIRE(by <= column_);
        column_ -= by;
        break;
      case 'H': row_ = column_ = 0; break;
      case 'J':
        if (count == 2) {
          rows_.clear();
        } else {
          auto& cells = row();
          std::fill(cells.begin() + static_cast<std::ptrdiff_t>(column_), cells.end(), " ");
          rows_.resize(row_ + 1);
        }
        break;
      default: FAIL("unexpected control sequence " << final);
    }
  }

  std::size_t columns_;
  std::string keys_;
  std::size_t at_ = 0;
  std::string written_;
  std::vector<Row> rows_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  bool is_full_ = false;  // the last column is taken; the next character begins a row
};
