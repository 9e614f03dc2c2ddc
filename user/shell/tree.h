// The commands of a script, as parse.cpp reads them and run.cpp runs them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace shell {

// A piece of a word.
struct Part {
  enum class Kind {
    literal,     // `text` as it is
    parameter,   // $text, ${text} or ${textOPERATOR…}
    command,     // $(text) or `text`: what the commands print
    arithmetic,  // $((text))
  };
  Kind kind = Kind::literal;
  bool quoted = false;  // its value is neither split nor a pattern
  std::string text;
  // Parameters only: "-", ":-", "=", ":=", "+", ":+", "?", ":?", "#", "##", "%", "%%" before
  // `argument`, or "length" (${#text}). Empty: none.
  std::string operation;
  std::vector<Part> argument;
};

struct Word {
  std::vector<Part> parts;
};

struct Redirection {
  enum class Kind {
    file,       // opens the file `target` with `flags`
    duplicate,  // a copy of the descriptor `target`; `-` closes `fd`
    text,       // reads `target`, a here-document
  };
  Kind kind;
  int fd;
  int flags = 0;  // for open
  Word target;
};

struct Assignment {
  std::string name;
  Word value;
};

struct Command;

// Commands connected by pipes.
struct Pipeline {
  bool negated = false;  // `!`: the status is 0 if the last command fails, else 1
  std::vector<Command> commands;
  std::string text;  // as typed, without the negation
};

enum class Join { always, on_success, on_failure };

// Pipelines joined by && and ||. Each runs depending on the status before it.
struct AndOr {
  struct Item {
    Join join;
    Pipeline pipeline;
  };
  std::vector<Item> items;
  bool background = false;
  std::string text;  // as typed, without the `&`
};

struct List {
  std::vector<AndOr> items;
};

struct Case {
  std::vector<Word> patterns;
  List body;
};

struct Command {
  enum class Kind {
    simple,      // assignments, words
    group,       // { bodies[0] }
    subshell,    // ( bodies[0] )
    condition,   // if bodies[0]; then bodies[1]; elif bodies[2]; then … else the odd last one
    while_loop,  // while bodies[0]; do bodies[1]
    until_loop,
    for_loop,   // for name in words; do bodies[0]
    selection,  // case words[0] in cases
    function,   // name() bodies[0]
  };
  Kind kind = Kind::simple;
  std::string name;
  std::vector<Assignment> assignments;
  std::vector<Word> words;
  bool over_parameters = false;  // for without `in`
  std::vector<List> bodies;
  std::vector<Case> cases;
  std::vector<Redirection> redirections;  // in their order
  std::string text;                       // as typed
  std::string inner_text;                 // subshell: as typed between the parentheses
};

}  // namespace shell
