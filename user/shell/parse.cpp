#include "parse.h"

#include <abi/flags.h>

#include <optional>

namespace shell {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_name(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Scanner {
 public:
  Scanner(std::string_view text, const Expand& expand) : rest_{text}, expand_{expand} {}

  std::string_view rest() const { return rest_; }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    if (rest_.starts_with('#')) rest_ = {};
  }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool at_end() const { return rest_.empty(); }

  // Returns nothing if no word begins here, and an error for an unterminated quotation.
  std::expected<std::optional<std::string>, std::string> word() {
    std::string text;
    bool any = false;
    for (; !rest_.empty() && !is_blank(rest_.front()); any = true) {
      const char c = rest_.front();
      if (std::string_view{"|&;<>"}.contains(c)) break;
      rest_.remove_prefix(1);
      if (c == '\'' || c == '"') {
        if (!quotation(c, text))
          return std::unexpected{std::string{"a closing quotation mark is missing"}};
      } else if (c == '\\' && !rest_.empty()) {
        text += next();
      } else if (c == '$') {
        text += variable();
      } else {
        text += c;
      }
    }
    if (!any) return std::nullopt;
    return text;
  }

 private:
  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool quotation(char mark, std::string& text) {
    while (!rest_.empty()) {
      const char c = next();
      if (c == mark) return true;
      if (mark == '"' && c == '$') {
        text += variable();
      } else if (mark == '"' && c == '\\' && !rest_.empty()) {
        text += next();
      } else {
        text += c;
      }
    }
    return false;
  }

  std::string variable() {
    std::size_t length = rest_.starts_with('?') ? 1 : 0;
    if (length == 0) {
      while (length < rest_.size() && is_name(rest_[length])) ++length;
    }
    if (length == 0) return "$";
    const auto name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return expand_(name);
  }

  std::string_view rest_;
  const Expand& expand_;
};

struct Operator {
  std::string_view token;
  int fd;
  int flags;
};
constexpr Operator redirections[] = {
    {"2>", 2, abi::o_wronly | abi::o_creat | abi::o_trunc},
    {">>", 1, abi::o_wronly | abi::o_creat | abi::o_append},
    {">", 1, abi::o_wronly | abi::o_creat | abi::o_trunc},
    {"<", 0, abi::o_rdonly},
};

std::expected<Command, std::string> take_command(Scanner& scanner) {
  Command command;
  for (;;) {
    scanner.skip_blanks();
    const Operator* redirection = nullptr;
    for (const auto& candidate : redirections) {
      if (scanner.take(candidate.token)) {
        redirection = &candidate;
        break;
      }
    }
    if (redirection != nullptr) scanner.skip_blanks();
    auto word = scanner.word();
    if (!word) return std::unexpected{word.error()};
    if (redirection == nullptr) {
      if (!*word) return command;
      command.words.push_back(std::move(**word));
    } else if (*word) {
      command.redirections.push_back({redirection->fd, redirection->flags, std::move(**word)});
    } else {
      return std::unexpected{"a file name is missing after " + std::string{redirection->token}};
    }
  }
}

}  // namespace

std::expected<Job, std::string> take_job(std::string_view& line, Join& next, const Expand& expand) {
  Scanner scanner{line, expand};
  Job job{.join = next};
  scanner.skip_blanks();
  const auto begin = scanner.rest();
  bool piped = false;
  do {
    auto command = take_command(scanner);
    if (!command) return std::unexpected{command.error()};
    if (command->words.empty()) {
      if (!piped && scanner.at_end()) break;
      return std::unexpected{std::string{"a command is missing"}};
    }
    job.commands.push_back(std::move(*command));
    piped = !scanner.rest().starts_with("||") && scanner.take("|");
  } while (piped);
  job.text = begin.substr(0, begin.size() - scanner.rest().size());
  while (!job.text.empty() && is_blank(job.text.back())) job.text.pop_back();

  next = Join::always;
  if (scanner.take("&&")) {
    next = Join::on_success;
  } else if (scanner.take("||")) {
    next = Join::on_failure;
  } else if (scanner.take("&")) {
    job.background = true;
  } else {
    scanner.take(";");
  }
  line = scanner.rest();
  return job;
}

}  // namespace shell
