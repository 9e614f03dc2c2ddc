#include "parse.h"

#include <abi/flags.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text.h"

namespace shell {
namespace {

// The parser is recursive, so this bounds its stack, and that of the interpreter.
constexpr int deepest_syntax = 64;

constexpr std::string_view special_parameters = "?$!#@*-0123456789";

constexpr auto closing_words =
    std::to_array<std::string_view>({"then", "elif", "else", "fi", "do", "done", "esac", "}"});
constexpr auto compound_words =
    std::to_array<std::string_view>({"if", "while", "until", "for", "case", "{"});

bool is_space(char c) {
  return is_blank(c) || c == '\r';
}
bool ends_word(char c) {
  return is_space(c) || std::string_view{"\n|&;<>()"}.contains(c);
}

struct Operator {
  std::string_view token;
  int fd;
  Redirection::Kind kind;
  int flags;
};
constexpr int create = abi::o_wronly | abi::o_creat;
constexpr Operator redirections[] = {
    // a token follows all longer ones that begin with it
    {"<<", 0, Redirection::Kind::text, 0},
    {">>", 1, Redirection::Kind::file, create | abi::o_append},
    {">&", 1, Redirection::Kind::duplicate, 0},
    {"<&", 0, Redirection::Kind::duplicate, 0},
    {"<>", 0, Redirection::Kind::file, abi::o_rdwr | abi::o_creat},
    {">|", 1, Redirection::Kind::file, create | abi::o_trunc},
    {">", 1, Redirection::Kind::file, create | abi::o_trunc},
    {"<", 0, Redirection::Kind::file, abi::o_rdonly},
};

// After an error the parser is at the end of its text, so every loop ends; only the first error
// counts.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_{text} {}

  std::expected<List, SyntaxError> line() {
    List list = commands(Until::newline);
    skip_blanks();
    if (!at_end() && !take_newline()) fail("unexpected " + next_token());
    if (error_) return std::unexpected{*error_};
    return list;
  }

  std::string_view rest() const { return text_.substr(at_); }

 private:
  // Counts the levels of nesting.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_{parser} {
      if (++parser_.depth_ > deepest_syntax) parser_.fail("the commands are nested too deeply");
    }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    ~Level() { --parser_.depth_; }

   private:
    Parser& parser_;
  };

  enum class Until { newline, closing };

  // A here-document. Its text begins in the line after its operator's.
  struct HereDocument {
    std::size_t operator_at;
    std::size_t begin;
    std::size_t end;  // behind the line that ends it
  };

  // Characters

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool sees(std::string_view token) const { return text_.substr(at_).starts_with(token); }
  bool take(std::string_view token) {
    if (!sees(token)) return false;
    at_ += token.size();
    return true;
  }
  char next() { return text_[at_++]; }

  void fail(std::string message, bool is_incomplete = false) {
    if (!error_) error_ = SyntaxError{std::move(message), is_incomplete};
    at_ = text_.size();
  }
  void fail_at_end_or(std::string message) {
    const bool more = at_end();
    fail(std::move(message), more);
  }

  void skip_blanks() {
    while (!at_end() && (is_space(peek()) || sees("\\\n"))) at_ += peek() == '\\' ? 2 : 1;
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  bool take_newline() {
    if (!take("\n")) return false;
    if (!here_documents_.empty()) at_ = std::max(at_, here_documents_.back().end);
    return true;
  }
  void skip_newlines() {
    skip_blanks();
    while (take_newline()) skip_blanks();
  }

  // Returns the characters up to the end of the word, without regard to quotation marks.
  std::string_view raw_word() const {
    const auto rest = text_.substr(at_);
    return rest.substr(
        0, static_cast<std::size_t>(std::ranges::find_if(rest, ends_word) - rest.begin()));
  }
  std::string next_token() const {
    if (at_end()) return "end";
    const auto word = raw_word();
    return word.empty() ? std::string{peek()} : std::string{word};
  }

  std::string text_since(std::size_t begin) const {
    auto text = text_.substr(begin, at_ - begin);
    while (!text.empty() && (is_space(text.back()) || text.back() == '\n')) text.remove_suffix(1);
    std::string result{text};
    for (const auto& document : here_documents_) {
      if (document.operator_at < begin || document.end <= at_) continue;
      result += '\n';
      result += text_.substr(document.begin, document.end - document.begin);
      if (result.ends_with('\n')) result.pop_back();
    }
    return result;
  }

  // Words

  void add_literal(std::vector<Part>& parts, char c, bool quoted) {
    if (parts.empty() || parts.back().kind != Part::Kind::literal ||
        parts.back().quoted != quoted) {
      parts.push_back({.quoted = quoted});
    }
    parts.back().text += c;
  }

  Word word() {
    Word word;
    while (!at_end() && !ends_word(peek())) piece(word.parts, false);
    return word;
  }

  // Takes one character, quotation or expansion. `quoted`: between double quotation marks.
  void piece(std::vector<Part>& parts, bool quoted) {
    const char c = next();
    if (c == '\\') {
      escaped(parts, quoted);
    } else if (c == '\'' && !quoted) {
      single_quoted(parts);
    } else if (c == '"' && !quoted) {
      double_quoted(parts);
    } else if (c == '$') {
      dollar(parts, quoted);
    } else if (c == '`') {
      backquoted(parts, quoted);
    } else {
      add_literal(parts, c, quoted);
    }
  }

  void escaped(std::vector<Part>& parts, bool quoted) {
    if (at_end()) return fail("a character is missing after \\", true);
    if (take("\n")) return;
    if (quoted && !std::string_view{"$`\"\\"}.contains(peek())) add_literal(parts, '\\', true);
    add_literal(parts, next(), true);
  }

  void single_quoted(std::vector<Part>& parts) {
    const auto end = text_.find('\'', at_);
    if (end == std::string_view::npos) return fail("a closing quotation mark is missing", true);
    parts.push_back({.quoted = true, .text = std::string{text_.substr(at_, end - at_)}});
    at_ = end + 1;
  }

  void double_quoted(std::vector<Part>& parts) {
    const auto before = parts.size();
    while (!at_end() && peek() != '"') piece(parts, true);
    if (!take("\"")) return fail("a closing quotation mark is missing", true);
    if (parts.size() == before) parts.push_back({.quoted = true});
  }

  void dollar(std::vector<Part>& parts, bool quoted) {
    const Level level{*this};
    if (take("((")) return arithmetic(parts, quoted);
    if (take("(")) {
      const auto begin = at_;
      static_cast<void>(commands(Until::closing));
      const auto end = at_;
      if (!take(")")) return fail_at_end_or("a closing ) is missing");
      parts.push_back({Part::Kind::command, quoted, std::string{text_.substr(begin, end - begin)}});
      return;
    }
    if (take("{")) return parameter(parts, quoted);
    auto name = parameter_name();
    if (name.empty()) return add_literal(parts, '$', quoted);
    // Without braces $12 is $1, then a 2.
    if (is_digit(name.front())) {
      at_ -= name.size() - 1;
      name = name.substr(0, 1);
    }
    parts.push_back({Part::Kind::parameter, quoted, std::string{name}});
  }

  std::string_view parameter_name() {
    const auto rest = text_.substr(at_);
    std::size_t length = 0;
    if (!rest.empty() && is_digit(rest.front())) {
      while (length < rest.size() && is_digit(rest[length])) ++length;
    } else if (!rest.empty() && special_parameters.contains(rest.front())) {
      length = 1;
    } else {
      while (length < rest.size() && is_name_character(rest[length])) ++length;
    }
    at_ += length;
    return rest.substr(0, length);
  }

  // After ${.
  void parameter(std::vector<Part>& parts, bool quoted) {
    Part part{Part::Kind::parameter, quoted};
    // ${#} and ${#-…} are about the parameter #.
    const bool counts = peek() == '#' && at_ + 1 < text_.size() &&
                        !std::string_view{"}:-=+?"}.contains(text_[at_ + 1]) && take("#");
    part.text = parameter_name();
    if (part.text.empty()) return fail_at_end_or("a variable's name is missing after ${");
    if (counts) {
      part.operation = "length";
    } else if (peek() != '}') {
      constexpr auto operations = std::to_array<std::string_view>(
          {":-", ":=", ":+", ":?", "-", "=", "+", "?", "##", "#", "%%", "%"});
      const auto* found =
          std::ranges::find_if(operations, [this](auto operation) { return take(operation); });
      if (found == operations.end()) return fail_at_end_or("unexpected character in ${");
      part.operation = *found;
      const bool is_pattern = part.operation.front() == '#' || part.operation.front() == '%';
      while (!at_end() && peek() != '}') {
        const bool begins_quotation = peek() == '"' && quoted;
        if (begins_quotation) {
          ++at_;
          double_quoted(part.argument);
        } else {
          piece(part.argument, quoted && !is_pattern);
        }
      }
    }
    if (!take("}")) return fail_at_end_or("a closing } is missing");
    parts.push_back(std::move(part));
  }

  // After $((.
  void arithmetic(std::vector<Part>& parts, bool quoted) {
    const auto begin = at_;
    for (int open = 0; !at_end(); ++at_) {
      if (open == 0 && sees("))")) {
        parts.push_back(
            {Part::Kind::arithmetic, quoted, std::string{text_.substr(begin, at_ - begin)}});
        at_ += 2;
        return;
      }
      if (peek() == '(') ++open;
      if (peek() == ')' && --open < 0) break;
    }
    fail_at_end_or("a closing )) is missing");
  }

  // After `. Between backquotes \ quotes $, ` and \.
  void backquoted(std::vector<Part>& parts, bool quoted) {
    Part part{Part::Kind::command, quoted};
    while (!at_end() && peek() != '`') {
      char c = next();
      if (c == '\\' && !at_end() && std::string_view{"$`\\"}.contains(peek())) c = next();
      part.text += c;
    }
    if (!take("`")) return fail("a closing ` is missing", true);
    parts.push_back(std::move(part));
  }

  // Commands

  bool at_closing() const {
    return at_end() || peek() == ')' || sees(";;") || is_one_of(raw_word(), closing_words);
  }

  bool take_keyword(std::string_view keyword) {
    skip_blanks();
    return raw_word() == keyword && take(keyword);
  }
  void need_keyword(std::string_view keyword) {
    if (!take_keyword(keyword)) fail_at_end_or(std::string{keyword} + " is missing");
  }

  // Does not take the newline, or the token, at which it ends.
  List commands(Until until) {
    const Level level{*this};
    List list;
    for (;;) {
      if (until == Until::closing) {
        skip_newlines();
      } else {
        skip_blanks();
      }
      if (peek() == '\n' || at_closing()) return list;
      list.items.push_back(and_or());
      skip_blanks();
      if (peek() == '&') {
        ++at_;
        list.items.back().background = true;
      } else if (peek() == ';' && !sees(";;")) {
        ++at_;
      } else if (peek() != '\n' || until == Until::newline) {
        return list;
      }
    }
  }

  // A list that may not be empty.
  List body() {
    List list = commands(Until::closing);
    if (list.items.empty()) fail_at_end_or("a command is missing");
    return list;
  }

  AndOr and_or() {
    AndOr result;
    const auto begin = at_;
    Join join = Join::always;
    for (;;) {
      result.items.push_back({join, pipeline()});
      skip_blanks();
      result.text = text_since(begin);
      if (take("&&")) {
        join = Join::on_success;
      } else if (take("||")) {
        join = Join::on_failure;
      } else {
        return result;
      }
      skip_newlines();
    }
  }

  Pipeline pipeline() {
    Pipeline result;
    while (take_keyword("!")) result.negated = !result.negated;
    skip_blanks();
    const auto begin = at_;
    for (;;) {
      result.commands.push_back(command());
      skip_blanks();
      if (sees("||") || !take("|")) break;
      skip_newlines();
    }
    result.text = text_since(begin);
    return result;
  }

  Command command() {
    const Level level{*this};
    skip_blanks();
    const auto begin = at_;
    Command result;
    const auto keyword = raw_word();
    if (peek() == '(') {
      ++at_;
      result.kind = Command::Kind::subshell;
      skip_newlines();
      const auto inner = at_;
      result.bodies.push_back(body());
      result.inner_text = text_since(inner);
      if (!take(")")) fail_at_end_or("a closing ) is missing");
    } else if (is_one_of(keyword, compound_words)) {
      at_ += keyword.size();
      compound(result, keyword);
    } else if (is_variable_name(keyword) && begins_function(keyword.size())) {
      function(result, keyword);
    } else {
      simple(result);
      result.text = text_since(begin);
      return result;
    }
    for (skip_blanks(); redirection(result); skip_blanks()) {
    }
    if (!at_end() && !ends_word(peek())) fail("unexpected " + next_token());
    result.text = text_since(begin);
    return result;
  }

  // Whether () follows, `offset` characters from here.
  bool begins_function(std::size_t offset) const {
    auto rest = text_.substr(at_ + offset);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (!rest.starts_with('(')) return false;
    rest.remove_prefix(1);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    return rest.starts_with(')');
  }

  void function(Command& result, std::string_view name) {
    result.kind = Command::Kind::function;
    result.name = name;
    at_ = text_.find(')', at_) + 1;
    skip_newlines();
    if (peek() != '(' && !is_one_of(raw_word(), compound_words)) {
      return fail_at_end_or("{ is missing after " + result.name + "()");
    }
    AndOr item;
    item.items.push_back({Join::always, {}});
    item.items[0].pipeline.commands.push_back(command());
    item.items[0].pipeline.text = item.text = item.items[0].pipeline.commands[0].text;
    result.bodies.emplace_back().items.push_back(std::move(item));
  }

  void compound(Command& result, std::string_view keyword) {
    if (keyword == "{") {
      result.kind = Command::Kind::group;
      result.bodies.push_back(body());
      need_keyword("}");
    } else if (keyword == "if") {
      result.kind = Command::Kind::condition;
      do {
        result.bodies.push_back(body());
        need_keyword("then");
        result.bodies.push_back(body());
      } while (take_keyword("elif"));
      if (take_keyword("else")) result.bodies.push_back(body());
      need_keyword("fi");
    } else if (keyword == "while" || keyword == "until") {
      result.kind = keyword == "while" ? Command::Kind::while_loop : Command::Kind::until_loop;
      result.bodies.push_back(body());
      loop_body(result);
    } else if (keyword == "for") {
      for_loop(result);
    } else {
      selection(result);
    }
  }

  void loop_body(Command& result) {
    need_keyword("do");
    result.bodies.push_back(body());
    need_keyword("done");
  }

  void for_loop(Command& result) {
    result.kind = Command::Kind::for_loop;
    skip_blanks();
    result.name = raw_word();
    if (!is_variable_name(result.name)) return fail_at_end_or("a variable is missing after for");
    at_ += result.name.size();
    skip_newlines();
    result.over_parameters = !take_keyword("in");
    if (!result.over_parameters) {
      for (skip_blanks(); !at_end() && !ends_word(peek()); skip_blanks()) {
        result.words.push_back(word());
      }
    }
    skip_blanks();
    if (peek() == ';' && !sees(";;")) ++at_;
    skip_newlines();
    loop_body(result);
  }

  void selection(Command& result) {
    result.kind = Command::Kind::selection;
    skip_blanks();
    result.words.push_back(word());
    if (result.words[0].parts.empty()) return fail_at_end_or("a word is missing after case");
    skip_newlines();
    need_keyword("in");
    for (;;) {
      skip_newlines();
      if (take_keyword("esac")) return;
      if (at_end()) return fail("esac is missing", true);
      Case one;
      take("(");
      do {
        skip_blanks();
        one.patterns.push_back(word());
        if (one.patterns.back().parts.empty()) return fail_at_end_or("a pattern is missing");
        skip_blanks();
      } while (take("|"));
      if (!take(")")) return fail_at_end_or("a ) is missing after a pattern");
      one.body = commands(Until::closing);
      result.cases.push_back(std::move(one));
      if (!take(";;")) return need_keyword("esac");
    }
  }

  void simple(Command& result) {
    for (skip_blanks(); !at_end(); skip_blanks()) {
      if (redirection(result)) continue;
      if (ends_word(peek())) break;
      const auto raw = raw_word();
      const auto name = raw.substr(0, raw.find('='));
      if (result.words.empty() && name.size() < raw.size() && is_variable_name(name)) {
        at_ += name.size() + 1;
        result.assignments.push_back({std::string{name}, word()});
      } else {
        result.words.push_back(word());
      }
    }
    if (result.words.empty() && result.assignments.empty() && result.redirections.empty()) {
      fail_at_end_or("a command is missing");
    }
  }

  // False: no redirection begins here.
  bool redirection(Command& command) {
    const auto begin = at_;
    while (!at_end() && is_digit(peek())) ++at_;
    const auto digits = text_.substr(begin, at_ - begin);
    const auto* found =
        std::ranges::find_if(redirections, [this](const auto& one) { return take(one.token); });
    if (found == std::end(redirections)) {
      at_ = begin;
      return false;
    }
    const bool strips_tabs = found->kind == Redirection::Kind::text && take("-");
    skip_blanks();
    Redirection result{found->kind, found->fd, found->flags, word()};
    if (result.target.parts.empty()) {
      const auto missing = found->kind == Redirection::Kind::file        ? "a file name"
                           : found->kind == Redirection::Kind::duplicate ? "a descriptor"
                                                                         : "a word";
      fail_at_end_or(std::string{missing} + " is missing after " + std::string{found->token});
      return true;
    }
    if (!digits.empty()) {
      if (digits.size() > 3) fail("descriptor " + std::string{digits} + " is too large");
      result.fd = 0;
      for (const char digit : digits) result.fd = result.fd * 10 + (digit - '0');
    }
    if (result.kind == Redirection::Kind::text) here_document(result.target, begin, strips_tabs);
    command.redirections.push_back(std::move(result));
    return true;
  }

  // Replaces `target`, the word that ends the here-document, by its text.
  void here_document(Word& target, std::size_t operator_at, bool strips_tabs) {
    std::string end;
    bool is_quoted = false;
    for (const auto& part : target.parts) {
      end += part.text;
      is_quoted |= part.quoted;
    }
    const auto line_end = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    const auto begin =
        here_documents_.empty() ? line_end : std::max(line_end, here_documents_.back().end);
    std::string text;
    for (auto at = begin; at < text_.size();) {
      auto line = text_.substr(at, text_.find('\n', at) - at);
      at = std::min(at + line.size() + 1, text_.size());
      while (strips_tabs && line.starts_with('\t')) line.remove_prefix(1);
      if (line == end) {
        here_documents_.push_back({operator_at, begin, at});
        target.parts =
            is_quoted ? std::vector<Part>{{.quoted = true, .text = text}} : here_text(text);
        return;
      }
      text += line;
      text += '\n';
    }
    fail("the line " + end + " is missing, which ends the text after <<", true);
  }

  // The expansions in a here-document.
  std::vector<Part> here_text(std::string_view text) {
    Parser parser{text};
    parser.depth_ = depth_;
    std::vector<Part> parts;
    while (!parser.at_end()) parser.piece(parts, true);
    if (parser.error_) fail(parser.error_->message);
    return parts;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<HereDocument> here_documents_;  // in the order of their texts
  std::optional<SyntaxError> error_;
};

}  // namespace

std::expected<List, SyntaxError> take_line(std::string_view& rest) {
  Parser parser{rest};
  auto list = parser.line();
  rest = parser.rest();
  return list;
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, is_name_character);
}

}  // namespace shell
