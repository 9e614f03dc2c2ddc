// mkdir PATH…: makes folders.
#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  if (argc < 2) programs::wrong_usage("usage: mkdir PATH…");
  int code = 0;
  for (int i = 1; i < argc; ++i) {
    if (const auto made = make_directory(argv[i]); !made) {
      complain("mkdir: {}: {}", argv[i], abi::description(made.error()));
      code = 1;
    }
  }
  return code;
}
