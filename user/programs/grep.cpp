// grep [-v] TEXT [FILE…]: prints the lines that contain TEXT (-v: that do not). Exits with 1 if
// there is none.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "grep [-v] TEXT [FILE…]"};
  const bool inverted = arguments.take("-v");
  const auto words = arguments.words(1);
  const std::string_view wanted = words.front();
  bool found = false;
  const std::vector<const char*> paths{words.begin() + 1, words.end()};
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
