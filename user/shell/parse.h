// Parses a script into commands (POSIX.1-2024, Shell Command Language).
//
//   line     = [ and_or { (";" | "&") and_or } [ ";" | "&" ] ] newline
//   and_or   = pipeline { ("&&" | "||") pipeline }
//   pipeline = [ "!" ] command { "|" command }
//   command  = simple | compound { redirection }
//   simple   = { NAME=word | word | redirection }
//   compound = "{" list "}" | "(" list ")" | NAME "()" compound
//            | "if" list "then" list { "elif" list "then" list } [ "else" list ] "fi"
//            | ("while" | "until") list "do" list "done"
//            | "for" NAME [ "in" { word } ] "do" list "done"
//            | "case" word "in" { ["("] word { "|" word } ")" list ";;" } "esac"
//   redirection = [ DIGITS ] ("<" | ">" | ">|" | ">>" | "<>" | "<&" | ">&" | "<<" | "<<-") word
//
// A word has pieces in quotation marks ('as it is', "with $NAME"), \x, $NAME, ${NAME…},
// $(commands), `commands` and $((expression)). `#` begins a comment. Nothing is expanded here.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "tree.h"

namespace shell {

struct SyntaxError {
  std::string message;  // for users
  // More lines may complete the command.
  bool is_incomplete = false;
};

// Takes the first line from `rest`, or several lines if its command continues there. An empty list:
// the line has no commands.
std::expected<List, SyntaxError> take_line(std::string_view& rest);

bool is_variable_name(std::string_view text);

}  // namespace shell
