// grep [-v] TEXT [FILE…]: the lines that contain TEXT (-v: that do not). Exit 1: there is none.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  const bool inverted = argc > 1 && std::string_view{argv[1]} == "-v";
  const int first = inverted ? 2 : 1;
  if (argc <= first) programs::wrong_usage("usage: grep [-v] TEXT [FILE…]");
  const std::string_view wanted = argv[first];
  bool found = false;
  const std::vector<const char*> paths{argv + first + 1, argv + argc};
  const int code = for_each_input("grep", paths, [&](Fd fd, const char* path) {
    LineReader reader{fd};
    while (const auto line = reader.next()) {
      if (line->contains(wanted) == inverted) continue;
      found = true;
      if (paths.size() > 1) print("{}:", path);
      println("{}", *line);
    }
  });
  return code != 0 ? 2 : found ? 0 : 1;
}
