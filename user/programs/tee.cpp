// tee FILE…: copies standard input to standard output and into the files.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "tee FILE…"};
  std::vector<Fd> outputs{standard_output};
  int code = 0;
  for (const char* path : arguments.words()) {
    const auto file = open(path, abi::o_wronly | abi::o_creat | abi::o_trunc);
    if (file) {
      outputs.push_back(*file);
    } else {
      complain("tee: {}: {}", path, abi::description(file.error()));
      code = 1;
    }
  }
  static char buffer[16 * 1024];
  while (const auto count = read(standard_input, std::span{buffer}).value_or(0)) {
    for (const Fd output : outputs) {
      if (!write_all(output, {buffer, count})) code = 1;
    }
  }
  return code;
}
