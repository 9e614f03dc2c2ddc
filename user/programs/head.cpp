// head [-n LINES] [FILE…]: the first lines, ten unless told.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  long lines = 10;
  int first = 1;
  if (argc > 2 && std::string_view{argv[1]} == "-n") {
    const auto wanted = programs::number<long>(argv[2]);
    if (!wanted) programs::wrong_usage("head: {} is no number of lines", argv[2]);
    lines = *wanted;
    first = 3;
  }
  return for_each_input("head", {argv + first, argv + argc}, [&](Fd fd, const char*) {
    LineReader reader{fd};
    for (long i = 0; i < lines; ++i) {
      const auto line = reader.next();
      if (!line) return;
      println("{}", *line);
    }
  });
}
