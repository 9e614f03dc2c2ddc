#include "expand.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "arithmetic.h"
#include "parse.h"
#include "text.h"

namespace shell {
namespace {

constexpr std::string_view usual_separators = " \t\n";

bool is_usual_separator(char c) {
  return usual_separators.contains(c);
}

// A word while it is expanded: its text, and the same as a pattern.
struct Field {
  std::string text;
  std::string pattern;
};

// Appends values to the last field, and begins new ones.
class Fields {
 public:
  Fields(bool splits, std::string separators)
      : splits_{splits}, separators_{std::move(separators)} {}

  void add_quoted(std::string_view text) {
    Field& field = begin();
    field.text += text;
    field.pattern += quoted_for_pattern(text);
  }
  void add_literal(std::string_view text) {
    Field& field = begin();
    field.text += text;
    field.pattern += text;
  }
  // The value of an unquoted expansion.
  void add_value(std::string_view value) {
    for (const char c : value) {
      if (!splits_ || !separators_.contains(c)) {
        Field& field = begin();
        field.text += c;
        if (c == '\\') field.pattern += '\\';
        field.pattern += c;
      } else if (is_usual_separator(c)) {
        after_blank_ |= is_open_;
        is_open_ = false;
      } else {
        // A separator that is no blank ends a field, which may be empty. Blanks around it belong to
        // it.
        if (!is_open_ && !after_blank_) begin();
        end_field();
      }
    }
  }
  void end_field() { is_open_ = after_blank_ = false; }

  std::vector<Field> take() { return std::move(fields_); }

 private:
  Field& begin() {
    if (!is_open_) fields_.emplace_back();
    is_open_ = true;
    after_blank_ = false;
    return fields_.back();
  }

  bool splits_;
  std::string separators_;
  std::vector<Field> fields_;
  bool is_open_ = false;      // values go to the last field
  bool after_blank_ = false;  // a blank has ended the last field
};

// After an error nothing is expanded.
class Expander {
 public:
  Expander(Surroundings& surroundings, bool splits)
      : surroundings_{surroundings},
        separators_{surroundings.value("IFS").value_or(std::string{usual_separators})},
        fields_{splits, separators_} {}

  void add(const std::vector<Part>& parts) {
    for (const auto& part : parts) add(part, part.quoted);
  }
  void end_word() { fields_.end_field(); }

  std::expected<std::vector<Field>, std::string> take() {
    if (error_) return std::unexpected{*error_};
    return fields_.take();
  }

 private:
  void fail(std::string message) {
    if (!error_) error_ = std::move(message);
  }

  void add_value(std::string_view value, bool quoted) {
    if (quoted) {
      fields_.add_quoted(value);
    } else {
      fields_.add_value(value);
    }
  }

  // The argument of an expansion, such as ${NAME:-…}: its literals are split, too.
  void add_argument(const std::vector<Part>& parts, bool quoted) {
    for (const auto& part : parts) {
      const bool is_quoted = quoted || part.quoted;
      if (part.kind == Part::Kind::literal) {
        add_value(part.text, is_quoted);
      } else {
        add(part, is_quoted);
      }
    }
  }

  void add(const Part& part, bool quoted) {
    if (error_) return;
    switch (part.kind) {
      case Part::Kind::literal:
        if (quoted) {
          fields_.add_quoted(part.text);
        } else {
          fields_.add_literal(part.text);
        }
        return;
      case Part::Kind::parameter: return add_parameter(part, quoted);
      case Part::Kind::command: {
        auto output = surroundings_.output_of(part.text);
        if (!output) return fail(output.error());
        while (output->ends_with('\n')) output->pop_back();
        return add_value(*output, quoted);
      }
      case Part::Kind::arithmetic: {
        const auto result = evaluate(part.text, [this](std::string_view name) {
          return surroundings_.value(name).value_or("");
        });
        if (!result) return fail(result.error());
        return add_value(decimal(*result), quoted);
      }
    }
  }

  // The value of the parameter, with $@ and $* joined. Empty: it is not set.
  std::optional<std::string> value_of(std::string_view name) const {
    if (name != "@" && name != "*") return surroundings_.value(name);
    const auto& parameters = surroundings_.parameters();
    if (parameters.empty()) return {};
    const auto between = name == "@" ? std::string{" "} : separators_.substr(0, 1);
    std::string joined;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (i > 0) joined += between;
      joined += parameters[i];
    }
    return joined;
  }

  void add_parameters(bool quoted) {
    bool first = true;
    for (const auto& parameter : surroundings_.parameters()) {
      if (!std::exchange(first, false)) fields_.end_field();
      add_value(parameter, quoted);
    }
  }

  void add_parameter(const Part& part, bool quoted) {
    const auto value = value_of(part.text);
    const auto add_it = [&] {
      const bool is_list = part.text == "@" || (part.text == "*" && !quoted);
      if (is_list) return add_parameters(quoted);
      add_value(value.value_or(""), quoted);
    };
    auto operation = std::string_view{part.operation};
    if (operation.empty()) return add_it();
    if (operation == "length") {
      std::size_t length = 0;
      const auto text = value.value_or("");
      for (std::string_view rest = text; !rest.empty(); ++length) {
        rest.remove_prefix(character_bytes(rest));
      }
      return add_value(decimal(length), quoted);
    }
    if (operation.front() == '#' || operation.front() == '%') {
      return add_value(without_match(part, value.value_or("")), quoted);
    }
    const bool counts_empty = operation.front() == ':';
    if (counts_empty) operation.remove_prefix(1);
    const bool is_set = value && !(counts_empty && value->empty());
    if (quoted) fields_.add_quoted("");  // "${NAME-}" is an empty word
    if (operation == "+") {
      if (is_set) add_argument(part.argument, quoted);
      return;
    }
    if (is_set) return add_it();
    if (operation == "-") return add_argument(part.argument, quoted);
    const auto text = expand_word({part.argument}, surroundings_);
    if (!text) return fail(text.error());
    if (operation == "?") {
      return fail(part.text + ": " + (text->empty() ? "not set" : *text));
    }
    if (!is_variable_name(part.text)) return fail(part.text + ": cannot be set");
    surroundings_.set_variable(part.text, *text);
    add_value(*text, quoted);
  }

  // Removes the shortest or longest prefix (# ##) or suffix (% %%) that matches.
  std::string without_match(const Part& part, std::string text) {
    const auto pattern = expand_pattern({part.argument}, surroundings_);
    if (!pattern) {
      fail(pattern.error());
      return {};
    }
    const bool is_prefix = part.operation.front() == '#';
    const bool is_longest = part.operation.size() == 2;
    const auto all = std::string_view{text};
    for (std::size_t tried = 0; tried <= all.size(); ++tried) {
      const auto length = is_longest ? all.size() - tried : tried;
      const auto rest = all.size() - length;
      if (is_prefix && matches(*pattern, all.substr(0, length))) return text.substr(length);
      if (!is_prefix && matches(*pattern, all.substr(rest))) return text.substr(0, rest);
    }
    return text;
  }

  Surroundings& surroundings_;
  std::string separators_;
  Fields fields_;
  std::optional<std::string> error_;
};

// The one field of a word that is not split.
std::expected<Field, std::string> expand_whole(const Word& word, Surroundings& surroundings) {
  Expander expander{surroundings, false};
  expander.add(word.parts);
  auto fields = expander.take();
  if (!fields) return std::unexpected{fields.error()};
  Field whole;
  for (const auto& field : *fields) {  // "$@" has several
    if (&field != &fields->front()) {
      whole.text += ' ';
      whole.pattern += ' ';
    }
    whole.text += field.text;
    whole.pattern += field.pattern;
  }
  return whole;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> expand_words(const std::vector<Word>& words,
                                                                  Surroundings& surroundings) {
  Expander expander{surroundings, true};
  for (const auto& word : words) {
    expander.add(word.parts);
    expander.end_word();
  }
  auto fields = expander.take();
  if (!fields) return std::unexpected{fields.error()};
  const auto list = [&](const std::string& folder) { return surroundings.list_folder(folder); };
  std::vector<std::string> result;
  for (auto& field : *fields) {
    if (has_wildcards(field.pattern)) {
      auto paths = matching_paths(field.pattern, list);
      std::ranges::move(paths, std::back_inserter(result));
      if (!paths.empty()) continue;
    }
    result.push_back(std::move(field.text));
  }
  return result;
}

std::expected<std::string, std::string> expand_word(const Word& word, Surroundings& surroundings) {
  auto whole = expand_whole(word, surroundings);
  if (!whole) return std::unexpected{whole.error()};
  return std::move(whole->text);
}

std::expected<std::string, std::string> expand_pattern(const Word& word,
                                                       Surroundings& surroundings) {
  auto whole = expand_whole(word, surroundings);
  if (!whole) return std::unexpected{whole.error()};
  return std::move(whole->pattern);
}

std::vector<std::string> split_fields(std::string_view line, std::string_view separators,
                                      std::size_t most) {
  const auto is_separator = [&](char c) { return separators.contains(c); };
  const auto is_space = [&](char c) { return is_separator(c) && is_usual_separator(c); };
  const auto skip_spaces = [&] {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  };
  std::vector<std::string> fields;
  for (skip_spaces(); !line.empty();) {
    if (fields.size() + 1 == most) {
      while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
      fields.emplace_back(line);
      break;
    }
    std::size_t length = 0;
    while (length < line.size() && !is_separator(line[length])) ++length;
    fields.emplace_back(line.substr(0, length));
    line.remove_prefix(length);
    skip_spaces();
    if (!line.empty() && is_separator(line.front())) {
      // A separator that is no blank, with the blanks around it, is one delimiter.
      line.remove_prefix(1);
      skip_spaces();
    }
  }
  return fields;
}

}  // namespace shell
