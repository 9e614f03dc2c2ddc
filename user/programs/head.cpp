// head [-n LINES | -LINES] [FILE…]: prints the first lines of each file; ten by default.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "head [-n LINES | -LINES] [FILE…]"};
  long lines = 10;
  if (arguments.take("-n")) {
    const auto text = arguments.take_word();
    const auto wanted = programs::number<long>(text);
    if (!wanted) programs::wrong_usage("head: {} is not a number of lines", text);
    lines = *wanted;
  } else if (const auto wanted = programs::number<long>(arguments.next()); wanted && *wanted < 0) {
    arguments.take_word();
    lines = -*wanted;
  }
  return for_each_input("head", arguments.paths(), [&](Fd fd, const char*) {
    LineReader reader{fd};
    for (long i = 0; i < lines; ++i) {
      const auto line = reader.next();
      if (!line) return;
      println("{}", *line);
    }
  });
}
