#include "editor.h"

#include <algorithm>
#include <utility>

#include "text.h"

namespace shell {
namespace {

constexpr char control(char letter) {
  return static_cast<char>(letter & 0x1f);
}
constexpr char escape = 0x1b;
constexpr char backspace = 0x7f;
constexpr std::string_view bell = "\a";

// Characters beyond ASCII belong to words.
bool is_in_word(char c) {
  return (is_name_character(c) && c != '_') || static_cast<unsigned char>(c) >= 0x80;
}

// The text that shows a character: a control character is ^X, a byte that is no UTF-8 is ?.
std::string shown(std::string_view character) {
  const char first = character.front();
  if (is_control(first)) return {'^', static_cast<char>(first ^ 0x40)};
  if (character.size() == 1 && static_cast<unsigned char>(first) >= 0x80) return "?";
  return std::string{character};
}

std::size_t columns_of_text(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    columns += static_cast<std::size_t>(columns_of(code_point(text)));
    text.remove_prefix(character_bytes(text));
  }
  return columns;
}

}  // namespace

void History::add(std::string_view line) {
  if (std::ranges::all_of(line, is_blank) || (!lines_.empty() && lines_.back() == line)) return;
  if (lines_.size() == most_lines) {
    lines_.erase(lines_.begin());
    ++dropped_;
  }
  lines_.emplace_back(line);
}

struct LineEditor::Key {
  enum class Code {
    text,     // a character of UTF-8
    control,  // a control character, or DEL
    alt,      // Alt and a character
    up,
    down,
    left,
    right,
    home,
    end,
    erase,
    word_left,
    word_right,
    unknown,
    none,  // there is no more input
  };
  Code code;
  std::string text = {};
};

// ── Keys ──

std::optional<char> LineEditor::next_byte() {
  if (pushed_back_) return std::exchange(pushed_back_, std::nullopt);
  flush();
  return terminal_.read();
}

LineEditor::Key LineEditor::next_key() {
  using enum Key::Code;
  const auto first = next_byte();
  if (!first) return {none};
  if (*first == escape) return escape_sequence();
  if (is_control(*first)) return {control, {*first}};
  const auto byte = static_cast<unsigned char>(*first);
  std::string character{*first};
  for (std::size_t bytes = byte < 0xc2   ? 1
                           : byte < 0xe0 ? 2
                           : byte < 0xf0 ? 3
                           : byte < 0xf5 ? 4
                                         : 1;
       character.size() < bytes;) {
    const auto more = next_byte();
    if (!more) return {none};
    if ((static_cast<unsigned char>(*more) & 0xc0) != 0x80) {
      pushed_back_ = more;
      return {unknown};
    }
    character += *more;
  }
  if (byte >= 0x80 && character_bytes(character) != character.size()) return {unknown};
  if (byte >= 0x80 && character.size() == 1) return {unknown};
  return {text, std::move(character)};
}

LineEditor::Key LineEditor::escape_sequence() {
  using enum Key::Code;
  const auto byte = next_byte();
  if (!byte) return {none};
  if (*byte == '[') return control_sequence();
  if (*byte == 'O') {  // the keypad's application mode
    const auto final = next_byte();
    if (!final) return {none};
    return {*final == 'H'   ? home
            : *final == 'F' ? end
            : *final == 'A' ? up
            : *final == 'B' ? down
            : *final == 'C' ? right
            : *final == 'D' ? left
                            : unknown};
  }
  return {alt, {*byte}};
}

// ESC [ parameters final: final is a letter or ~.
LineEditor::Key LineEditor::control_sequence() {
  using enum Key::Code;
  std::string parameters;
  for (;;) {
    const auto byte = next_byte();
    if (!byte) return {none};
    if (is_control(*byte)) {  // no part of a sequence
      pushed_back_ = byte;
      return {unknown};
    }
    if (*byte < '@' || *byte > '~') {
      if (parameters.size() < 16) parameters += *byte;
      continue;
    }
    const bool with_modifier = parameters.contains(';');
    switch (*byte) {
      case 'A': return {up};
      case 'B': return {down};
      case 'C': return {with_modifier ? word_right : right};
      case 'D': return {with_modifier ? word_left : left};
      case 'H': return {home};
      case 'F': return {end};
      case '~': {
        const auto number = std::string_view{parameters}.substr(0, parameters.find(';'));
        if (number == "1" || number == "7") return {home};
        if (number == "4" || number == "8") return {end};
        if (number == "3") return {erase};
        return {unknown};
      }
      default: return {unknown};
    }
  }
}

Typed LineEditor::read(std::string_view prompt) {
  prompt_ = prompt;
  line_.clear();
  new_line_.clear();
  cursor_ = 0;
  position_ = history_.size();
  columns_ = std::max<std::size_t>(terminal_.columns(), 2);
  draw();
  for (;;) {
    auto key = next_key();
    if (key.code == Key::Code::control && key.text[0] == control('R')) {
      auto next = search();
      if (!next) continue;
      key = std::move(*next);
    }
    if (auto typed = handle(key)) {
      flush();
      return std::move(*typed);
    }
  }
}

// Returns what read() returns, if the key ends the line.
std::optional<Typed> LineEditor::handle(const Key& key) {
  if (key.code == Key::Code::none) {
    leave_line("\n");
    return Typed{Typed::How::end, {}};
  }
  if (key.code == Key::Code::control) {
    switch (key.text[0]) {
      case '\r':
      case '\n': leave_line("\n"); return Typed{Typed::How::line, std::move(line_)};
      case control('C'): leave_line("^C\n"); return Typed{Typed::How::given_up, {}};
      case control('\\'): leave_line("^\\\n"); return Typed{Typed::How::given_up, {}};
      case control('D'):
        if (!line_.empty()) break;
        leave_line("\n");
        return Typed{Typed::How::end, {}};
      default: break;
    }
  }
  edit(key);
  return {};
}

void LineEditor::edit(const Key& key) {
  using enum Key::Code;
  switch (key.code) {
    case text: return insert(key.text);
    case up:
      if (position_ > 0) show_history(position_ - 1);
      return;
    case down:
      if (position_ < history_.size()) show_history(position_ + 1);
      return;
    case left: return move_cursor(before_cursor());
    case right: return move_cursor(behind_cursor());
    case home: return move_cursor(0);
    case end: return move_cursor(line_.size());
    case erase: return this->erase(cursor_, behind_cursor());
    case word_left: return move_cursor(word_before());
    case word_right: return move_cursor(word_behind());
    case alt:
      switch (key.text[0]) {
        case 'b': return move_cursor(word_before());
        case 'f': return move_cursor(word_behind());
        case 'd': return kill(cursor_, word_behind());
        case backspace:
        case '\b': return kill(word_before(), cursor_);
        default: return;
      }
    case Key::Code::control: break;
    case unknown:
    case none: return;
  }
  switch (key.text[0]) {
    case shell::control('A'): return move_cursor(0);
    case shell::control('B'): return move_cursor(before_cursor());
    case shell::control('D'): return this->erase(cursor_, behind_cursor());
    case shell::control('E'): return move_cursor(line_.size());
    case shell::control('F'): return move_cursor(behind_cursor());
    case '\b':
    case backspace: return this->erase(before_cursor(), cursor_);
    case '\t': return complete();
    case shell::control('K'): return kill(cursor_, line_.size());
    case shell::control('L'): output_ += "\x1b[H\x1b[2J"; return draw();
    case shell::control('N'): return edit({down});
    case shell::control('P'): return edit({up});
    case shell::control('U'): return kill(0, cursor_);
    case shell::control('W'): return kill(blank_word_before(), cursor_);
    case shell::control('Y'): return insert(killed_);
    default: return;
  }
}

// ── The line ──

void LineEditor::insert(std::string_view text) {
  if (text.size() > longest_line - line_.size()) {
    output_ += bell;
    return;
  }
  const auto begin = cursor_;
  line_.insert(cursor_, text);
  cursor_ += text.size();
  redraw_from(begin, cursor_ < line_.size());
}

void LineEditor::erase(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  line_.erase(begin, end - begin);
  cursor_ = begin;
  redraw_from(begin, true);
}

void LineEditor::kill(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  killed_ = line_.substr(begin, end - begin);
  erase(begin, end);
}

void LineEditor::replace_line(std::string text) {
  move_cursor(0);
  const bool erases = !line_.empty();
  line_ = std::move(text);
  cursor_ = line_.size();
  redraw_from(0, erases);
}

void LineEditor::move_cursor(std::size_t to) {
  cursor_ = to;
  auto place = place_of(cursor_);
  if (cursor_ < line_.size()) {  // a wide character may be in the next row
    const auto rest = std::string_view{line_}.substr(cursor_);
    const auto width = columns_of_text(shown(rest.substr(0, character_bytes(rest))));
    if (place.column + width > columns_) place = {place.row + 1, 0};
  }
  move_to(place);
}

std::size_t LineEditor::before_cursor() const {
  if (cursor_ == 0) return 0;
  return cursor_ - last_character_bytes(std::string_view{line_}.substr(0, cursor_));
}

std::size_t LineEditor::behind_cursor() const {
  if (cursor_ == line_.size()) return cursor_;
  return cursor_ + character_bytes(std::string_view{line_}.substr(cursor_));
}

std::size_t LineEditor::word_before() const {
  auto at = cursor_;
  while (at > 0 && !is_in_word(line_[at - 1])) --at;
  while (at > 0 && is_in_word(line_[at - 1])) --at;
  return at;
}

std::size_t LineEditor::word_behind() const {
  auto at = cursor_;
  while (at < line_.size() && !is_in_word(line_[at])) ++at;
  while (at < line_.size() && is_in_word(line_[at])) ++at;
  return at;
}

std::size_t LineEditor::blank_word_before() const {
  auto at = cursor_;
  while (at > 0 && is_blank(line_[at - 1])) --at;
  while (at > 0 && !is_blank(line_[at - 1])) --at;
  return at;
}

void LineEditor::show_history(std::size_t position) {
  if (position_ == history_.size()) new_line_ = line_;
  position_ = position;
  replace_line(position == history_.size() ? new_line_ : history_[position]);
}

// ^R. Returns the key that ends the search and does something else, too. Empty: the search has been
// given up.
std::optional<LineEditor::Key> LineEditor::search() {
  const auto prompt = prompt_;
  const auto line = line_;
  const auto cursor = cursor_;
  std::string wanted;
  auto found = history_.size();  // the size: no line
  // Shows the newest line before `end` that contains the text.
  const auto find = [&](std::size_t end) {
    for (auto at = end; at-- > 0;) {
      const auto where = history_[at].find(wanted);
      if (where == std::string::npos) continue;
      found = at;
      line_ = history_[at];
      cursor_ = where;
      return;
    }
    output_ += bell;
  };
  const auto leave = [&] {
    prompt_ = prompt;
    redraw();
  };
  for (;;) {
    prompt_ = "search: " + wanted + " → ";
    redraw();
    auto key = next_key();
    const char code = key.code == Key::Code::control ? key.text[0] : '\0';
    if (key.code == Key::Code::text) {
      if (wanted.size() < longest_line) wanted += key.text;
      find(std::min(found + 1, history_.size()));
    } else if (code == control('R')) {
      if (!wanted.empty()) find(found);
    } else if (code == backspace || code == '\b') {
      if (!wanted.empty()) wanted.resize(wanted.size() - last_character_bytes(wanted));
      if (!wanted.empty()) find(history_.size());
    } else if (code == control('G')) {
      line_ = line;
      cursor_ = cursor;
      leave();
      return {};
    } else {
      if (found < history_.size()) {
        if (position_ == history_.size()) new_line_ = line;
        position_ = found;
      }
      leave();
      return key;
    }
  }
}

void LineEditor::complete() {
  const auto completion = complete_(std::string_view{line_}.substr(0, cursor_));
  const auto& candidates = completion.candidates;
  if (candidates.empty()) {
    output_ += bell;
    return;
  }
  std::string_view common = candidates.front().rest;
  for (const auto& candidate : candidates) {
    const auto [end, other] = std::ranges::mismatch(common, candidate.rest);
    common = common.substr(0, static_cast<std::size_t>(end - common.begin()));
  }
  const auto ends_within_character = [&] {
    return !common.empty() && static_cast<unsigned char>(common.back()) >= 0x80 &&
           last_character_bytes(common) == 1;
  };
  while (ends_within_character()) common.remove_suffix(1);
  const bool is_unique = candidates.size() == 1;
  if (common.empty() && !is_unique) return list(candidates);
  insert(std::string{common} + (is_unique ? completion.ending : ""));
}

// Lists the candidates in columns below the line, and draws the line again below them.
void LineEditor::list(const std::vector<Completion::Candidate>& candidates) {
  constexpr std::size_t most = 200;
  const auto count = std::min(candidates.size(), most);
  std::size_t width = 0;
  for (const auto& candidate : candidates) {
    width = std::max(width, columns_of_text(candidate.shown) + 2);
  }
  const auto across = std::max<std::size_t>(columns_ / width, 1);
  const auto down = (count + across - 1) / across;
  leave_line("\n");
  for (std::size_t row = 0; row < down; ++row) {
    for (auto at = row; at < count; at += down) {
      std::string text;
      for (std::string_view rest = candidates[at].shown; !rest.empty();) {
        const auto bytes = character_bytes(rest);
        text += shown(rest.substr(0, bytes));
        rest.remove_prefix(bytes);
      }
      output_ += text;
      if (at + down < count) output_.append(width - std::min(width, columns_of_text(text)), ' ');
    }
    output_ += "\n";
  }
  if (count < candidates.size()) {
    output_ += "… and " + decimal(static_cast<std::int64_t>(candidates.size() - count)) + " more\n";
  }
  draw();
}

// ── The screen ──

// Appends to `shown_text`, if it is not null, what shows `text` from a place on; returns the place
// behind it. A terminal moves to the next row only with the character after the last column.
// Explicit newlines make the place certain.
LineEditor::Place LineEditor::lay_out(std::string_view text, Place from,
                                      std::string* shown_text) const {
  const auto next_row = [&] {
    from = {from.row + 1, 0};
    if (shown_text != nullptr) *shown_text += "\n";
  };
  while (!text.empty()) {
    const auto bytes = character_bytes(text);
    const auto visible = shown(text.substr(0, bytes));
    text.remove_prefix(bytes);
    const auto width = columns_of_text(visible);
    if (from.column + width > columns_) next_row();
    if (shown_text != nullptr) *shown_text += visible;
    from.column += width;
    if (from.column >= columns_) next_row();
  }
  return from;
}

LineEditor::Place LineEditor::place_of(std::size_t index) const {
  return lay_out(std::string_view{line_}.substr(0, index), lay_out(prompt_, {}, nullptr), nullptr);
}

void LineEditor::move_to(Place place) {
  const auto move = [this](std::size_t count, char direction) {
    if (count > 0) output_ += "\x1b[" + decimal(static_cast<std::int64_t>(count)) + direction;
  };
  if (place.row < place_.row) move(place_.row - place.row, 'A');
  if (place.row > place_.row) move(place.row - place_.row, 'B');
  if (place.column != place_.column) {
    if (place.column == 0) {
      output_ += '\r';
    } else if (place.column < place_.column) {
      move(place_.column - place.column, 'D');
    } else {
      move(place.column - place_.column, 'C');
    }
  }
  place_ = place;
}

// Draws the prompt and the line. The terminal's cursor is where the prompt begins.
void LineEditor::draw() {
  place_ = lay_out(line_, lay_out(prompt_, {}, &output_), &output_);
  move_cursor(cursor_);
}

// The same after what is on the screen has been erased.
void LineEditor::redraw() {
  move_to({});
  output_ += "\x1b[J";
  draw();
}

// Draws the line from `index` on. `erases`: the screen has text behind it.
void LineEditor::redraw_from(std::size_t index, bool erases) {
  if (erases) {
    move_to(place_of(index));
    output_ += "\x1b[J";
  }
  place_ = lay_out(std::string_view{line_}.substr(index), place_, &output_);
  if (cursor_ < line_.size()) move_cursor(cursor_);
}

// Moves below the line.
void LineEditor::leave_line(std::string_view ending) {
  move_cursor(line_.size());
  output_ += ending;
}

void LineEditor::flush() {
  if (!output_.empty()) terminal_.write(output_);
  output_.clear();
}

}  // namespace shell
