// mkdir PATH…: creates folders.
#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "mkdir PATH…"};
  int code = 0;
  for (const char* path : arguments.words(1)) {
    if (const auto made = make_directory(path); !made) {
      complain("mkdir: {}: {}", path, abi::description(made.error()));
      code = 1;
    }
  }
  return code;
}
